"""Jobs that wait for an execution: who may say so, and that each is completed once, whatever events come."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import AUTOMATION, MODEL, REGION, Bridge, forget

PROJECT, PLAN, JOB, TASK, AGAIN = (f"{digit * 8}-aaaa-bbbb-cccc-{digit * 12}" for digit in "12345")
JOB_TOKEN = "eyJ0.job-token-that-is-never-logged.sig"
ARN = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:pipeline/{MODEL}/execution/abcdefgh1234"
HEADERS = {
    "projectid": PROJECT,
    "planid": PLAN,
    "timelineid": PLAN,
    "jobid": JOB,
    "taskinstanceid": TASK,
    "hubname": "build",
    "buildid": "17",
    "execution": ARN,
    "authtoken": JOB_TOKEN,
}


@pytest.fixture
def run(clouds: Clouds) -> Clouds:
    begin(clouds)
    return clouds


def begin(clouds: Clouds) -> None:
    """Run 17 goes on, its job waits, and it has started an execution that goes on."""
    jobs = clouds.jobs
    jobs.tokens = {JOB_TOKEN}
    jobs.builds["17"] = {
        "id": 17,
        "status": "inProgress",
        "project": {"id": PROJECT},
        "orchestrationPlan": {"planId": PLAN},
    }
    jobs.records["17"] = [
        {"id": JOB, "type": "Job", "state": "inProgress"},
        {"id": TASK, "type": "Task", "parentId": JOB, "state": "inProgress"},
    ]
    jobs.executions[ARN] = {
        "PipelineExecutionDisplayName": "run-17",
        "PipelineExecutionStatus": "Executing",
    }


def call(**headers: str) -> Any:
    """As API Gateway does: the authorizer first, and the route where it lets the caller pass."""
    from bridge import callback

    sent = {name: text for name, text in (HEADERS | headers).items() if text}
    if "authtoken" not in sent:
        return 401
    if not callback.handle({"type": "REQUEST", "headers": sent}, None)["isAuthorized"]:
        return 403
    answer = callback.handle({"headers": sent, "requestContext": {"requestId": "request-1"}}, None)
    return answer["statusCode"]


def state(status: str = "Executing", kind: str = "Execution Status", **more: Any) -> dict[str, Any]:
    """An event about the execution, or (`kind`) about a step of it."""
    pipeline = ARN.partition("/execution/")[0]
    return {
        "version": "0",
        "id": f"event-{status}-{kind}".replace(" ", "-"),
        "detail-type": f"SageMaker Model Building Pipeline {kind} Change",
        "source": "aws.sagemaker",
        "account": AUTOMATION,
        "region": REGION,
        "resources": [pipeline, ARN],
        "detail": {
            "pipelineArn": pipeline,
            "pipelineExecutionArn": ARN,
            "currentPipelineExecutionStatus": status,
        },
    } | more


def step(clouds: Clouds, name: str, status: str, **metadata: Any) -> None:
    now = time.time()
    known = clouds.jobs.steps.setdefault(ARN, [])
    known[:] = [one for one in known if one["StepName"] != name]
    ended = {} if status == "Executing" else {"EndTime": now + 2}
    known.append({"StepName": name, "StepStatus": status, "StartTime": now, "Metadata": metadata} | ended)


def end(clouds: Clouds, status: str) -> None:
    clouds.jobs.executions[ARN]["PipelineExecutionStatus"] = status


def drained(bridge: Bridge, clouds: Clouds) -> list[str]:
    """What the queue holds is handed over; gives the ids of what failed."""
    messages = list(clouds.jobs.queue)
    clouds.jobs.queue.clear()
    return bridge.send(*messages) if messages else []


def results(clouds: Clouds) -> list[str]:
    return [one["result"] for one in clouds.jobs.events]


# ---------------------------------------------------------------- a job waits, and is told


def test_a_job_sees_steps_while_it_waits_and_is_completed_at_the_end(bridge: Bridge, run: Clouds) -> None:
    assert call() == 200
    assert drained(bridge, run) == []
    step(run, "Prepare", "Executing")
    bridge.send(state(kind="Execution Step Status"))
    step(run, "Prepare", "Succeeded")
    step(run, "Train", "Executing")
    bridge.send(state(kind="Execution Step Status"), state(kind="Execution Step Status"))
    assert [line.split() for line in run.jobs.lines] == [
        ["Prepare", "Executing"],
        ["Prepare", "Succeeded", "2.0", "s"],
        ["Train", "Executing"],
    ]
    assert results(run) == []
    step(run, "Train", "Succeeded")
    end(run, "Succeeded")
    assert bridge.send(state("Succeeded")) == []
    assert run.jobs.events == [{"name": "TaskCompleted", "jobId": JOB, "taskId": TASK, "result": "succeeded"}]
    assert run.jobs.waiting == {}
    completed = bridge.hops()[-1]
    assert (completed["hop"], completed["run_id"], completed["model"]) == ("completed", "17", MODEL)


@pytest.mark.parametrize(
    ("status", "metadata", "result"),
    [
        ("Succeeded", {}, "succeeded"),
        # A model that is not good enough is an answer; what it means, the next job knows.
        ("Failed", {"Fail": {"ErrorMessage": "not registered"}}, "succeeded"),
        ("Failed", {"TrainingJob": {"Arn": "arn"}}, "failed"),
        ("Stopped", {}, "failed"),
    ],
)
def test_the_job_is_told_how_it_ended(
    bridge: Bridge, run: Clouds, status: str, metadata: Any, result: str
) -> None:
    call()
    step(run, "Last", "Failed" if status == "Failed" else "Succeeded", **metadata)
    end(run, status)
    bridge.send(state(status))
    assert results(run) == [result]


def test_an_execution_that_ended_before_its_job_waits_completes_it_at_once(
    bridge: Bridge, run: Clouds
) -> None:
    end(run, "Succeeded")
    assert bridge.send(state("Succeeded")) == []
    assert results(run) == []
    assert call() == 200
    assert drained(bridge, run) == []
    assert results(run) == ["succeeded"]


def test_copies_of_anything_complete_a_job_once(bridge: Bridge, run: Clouds) -> None:
    step(run, "Train", "Executing")
    assert [call(), call()] == [200, 200]
    assert drained(bridge, run) == []
    assert len(run.jobs.lines) == 1
    call()
    end(run, "Succeeded")
    bridge.send(state("Succeeded"), state("Succeeded"), *run.jobs.queue)
    bridge.reconcile()
    assert results(run) == ["succeeded"]


def test_of_two_that_complete_a_job_at_once_one_says_so(
    bridge: Bridge, run: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import tend
    from bridge.trace import Trace

    call()
    drained(bridge, run)
    end(run, "Succeeded")
    find = tend.waiting.find

    def while_another_does_it(arn: str) -> Any:
        """Both have read that the job waits before one of them completes it."""
        monkeypatch.setattr(tend.waiting, "find", find)
        found = find(arn)
        tend.tend(arn, Trace())
        return found

    monkeypatch.setattr(tend.waiting, "find", while_another_does_it)
    assert bridge.send(state("Succeeded")) == []
    assert results(run) == ["succeeded"]
    assert bridge.names_of_hops().count("completed") == 1


def test_an_end_that_sagemaker_does_not_know_yet_comes_again(bridge: Bridge, run: Clouds) -> None:
    call()
    assert bridge.send(state("Succeeded")) == ["0"]
    end(run, "Succeeded")
    assert bridge.send(state("Succeeded")) == []
    assert results(run) == ["succeeded"]


def test_where_no_event_comes_the_reconciler_asks_sagemaker(bridge: Bridge, run: Clouds) -> None:
    call()
    run.jobs.queue.clear()
    bridge.reconcile()
    assert results(run) == []
    end(run, "Failed")
    bridge.reconcile()
    assert results(run) == ["failed"]
    assert run.jobs.waiting == {}


@pytest.mark.parametrize("result", ["canceled", "failed"])
def test_a_job_that_timed_out_or_was_cancelled_is_forgotten(bridge: Bridge, run: Clouds, result: str) -> None:
    call()
    run.jobs.records["17"][1] |= {"state": "completed", "result": result}
    bridge.reconcile()
    assert (run.jobs.waiting, results(run)) == ({}, [])
    assert bridge.hops()[-1]["hop"] == "forgotten"


@pytest.mark.parametrize("ended", [False, True])
def test_a_job_that_was_rerun_is_forgotten(bridge: Bridge, run: Clouds, ended: bool) -> None:
    """The timeline has the newest attempt alone: another job, with another task."""
    call()
    drained(bridge, run)
    run.jobs.records["17"] = [{"id": AGAIN, "type": "Job", "state": "pending", "attempt": 2}]
    if ended:
        end(run, "Succeeded")
        assert bridge.send(state("Succeeded")) == []
    else:
        bridge.reconcile()
    assert (run.jobs.waiting, results(run)) == ({}, [])
    assert bridge.hops()[-1]["hop"] == "forgotten"


def test_a_run_that_was_over_before_its_execution_is_no_dead_letter(bridge: Bridge, run: Clouds) -> None:
    call()
    run.jobs.builds["17"]["status"] = "completed"
    run.jobs.records["17"][1]["state"] = "completed"
    end(run, "Stopped")
    assert bridge.send(state("Stopped")) == []
    assert run.jobs.waiting == {}


def test_a_bridge_that_may_not_complete_the_job_fails_loudly(bridge: Bridge, run: Clouds) -> None:
    call()
    drained(bridge, run)
    end(run, "Succeeded")
    run.jobs.builds["17"]["orchestrationPlan"] = {"planId": "other"}
    assert bridge.send(state("Succeeded")) == ["0"]
    assert len(run.jobs.waiting) == 1


@pytest.mark.parametrize("late", [False, True])
def test_wherever_lambda_dies_the_job_is_completed(bridge: Bridge, run: Clouds, late: bool) -> None:
    call()
    end(run, "Succeeded")
    bridge.send(state("Succeeded"))
    for at in range(run.count):
        forget()
        run.jobs.waiting.clear()
        run.jobs.events.clear()
        run.jobs.records["17"][1]["state"] = "inProgress"
        call()
        run.jobs.queue.clear()
        run.strike(Fault(at=at, late=late, deadly=True))
        bridge.send(state("Succeeded"))
        run.strike(None)
        assert bridge.send(state("Succeeded")) == [], f"request {at}"
        assert set(results(run)) == {"succeeded"}, f"request {at}"
        assert run.jobs.waiting == {}


def test_lines_that_cannot_be_shown_hold_nothing_up(bridge: Bridge, run: Clouds) -> None:
    call()
    drained(bridge, run)
    step(run, "Train", "Succeeded")
    end(run, "Succeeded")
    bridge.send(state("Succeeded"))
    feeds = [number for number, (_, url) in enumerate(run.requests) if "/feed" in url]
    assert len(feeds) == 1 and results(run) == ["succeeded"]
    run.jobs.events.clear()
    run.jobs.records["17"][1]["state"] = "inProgress"
    call()
    run.jobs.queue.clear()
    asked = len(run.requests)
    forget()
    for fault in (429, 403):
        run.strike(Fault(at=5, status=fault))
        bridge.send(state("Succeeded"))
        run.strike(None)
    assert results(run) == ["succeeded"], run.requests[asked:]


# ---------------------------------------------------------------- who may not


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"authtoken": ""}, 401),
        ({"authtoken": "a-token-of-nobody-at-all"}, 403),
        ({"authtoken": "short"}, 403),
        ({"authtoken": f"{JOB_TOKEN}\r\nx-evil: 1"}, 403),
        ({"projectid": PLAN}, 403),
        ({"planid": JOB, "timelineid": JOB}, 403),
        ({"timelineid": JOB}, 403),
        ({"jobid": TASK}, 403),
        ({"taskinstanceid": JOB}, 403),
        ({"taskinstanceid": "../../_apis/projects"}, 403),
        ({"buildid": "18"}, 403),
        ({"buildid": "17/../18"}, 403),
        ({"buildid": "0"}, 403),
        ({"hubname": "release"}, 403),
        ({"execution": ARN.replace(AUTOMATION, "999999999999")}, 403),
        ({"execution": ARN.replace(REGION, "us-east-1")}, 403),
        ({"execution": ARN.replace(MODEL, "payroll")}, 403),
        ({"execution": ARN.replace("abcdefgh1234", "zzzzzzzz9999")}, 404),
        ({"execution": ""}, 403),
        ({"execution": "arn:aws:sagemaker:x"}, 403),
    ],
)
def test_what_is_not_a_job_of_ours_with_its_own_execution_is_refused(
    bridge: Bridge, run: Clouds, changed: dict[str, str], status: int
) -> None:
    assert call(**changed) == status
    assert (run.jobs.waiting, run.jobs.queue) == ({}, [])


def test_the_execution_of_another_run_is_refused(bridge: Bridge, run: Clouds) -> None:
    run.jobs.executions[ARN]["PipelineExecutionDisplayName"] = "run-16"
    assert call() == 403
    assert run.jobs.waiting == {}


def test_a_task_that_is_over_waits_for_nothing(bridge: Bridge, run: Clouds) -> None:
    run.jobs.records["17"][1]["state"] = "completed"
    assert call() == 403


def test_a_run_of_another_project_is_refused(bridge: Bridge, run: Clouds) -> None:
    run.jobs.builds["17"]["project"] = {"id": JOB}
    assert call() == 403


def test_the_jobs_token_goes_to_azure_devops_alone_and_is_kept_nowhere(bridge: Bridge, run: Clouds) -> None:
    assert call(planurl="https://evil.example/") == 200
    used = [path for path, authorization in run.jobs.asked_with if JOB_TOKEN in authorization]
    assert used == ["build/builds/17", f"build/builds/17/timeline/{PLAN}"]
    call(execution=ARN.replace(MODEL, "payroll"))
    kept = json.dumps([run.jobs.waiting, run.jobs.queue, run.requests, bridge.log.getvalue()])
    assert JOB_TOKEN not in kept
    assert "waiting" in bridge.log.getvalue()


def test_azure_devops_that_does_not_answer_is_an_error_and_no_permission(bridge: Bridge, run: Clouds) -> None:
    from bridge import web

    run.strike(Fault(at=0, status=503))
    with pytest.raises(web.Retryable):
        call()


@pytest.mark.parametrize(
    "forged",
    [
        {"account": "999999999999"},
        {"region": "us-east-1"},
        {"source": "isthmus.forged"},
        {"resources": ["arn:aws:sagemaker:eu-west-1:1:pipeline/x"]},
        {
            "detail": {
                "pipelineExecutionArn": "arn:aws:sagemaker:x",
                "currentPipelineExecutionStatus": "Failed",
            }
        },
        {"detail": {"currentPipelineExecutionStatus": "Failed"}},
    ],
)
def test_forged_events_complete_nothing(bridge: Bridge, run: Clouds, forged: dict[str, Any]) -> None:
    call()
    end(run, "Succeeded")
    assert bridge.send(state("Succeeded", **forged)) == []
    assert len(run.dead_letters) == 1
    assert results(run) == []
