"""What becomes of events: a run, nothing, or a dead letter; and never two runs."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine

from bridge import lease
from tests.bridge.clouds import ASSERTION, BEARER, Clouds, Fault
from tests.bridge.conftest import (
    AUTOMATION,
    GROUP_ARN,
    MODEL,
    REGION,
    Bridge,
    alarm,
    approval,
    forget,
    landing,
)
from tests.bridge.test_reconcile import register

DEPLOY, BUILD = f"{MODEL}-deploy", f"{MODEL}-build"


def test_an_approval_queues_one_run_with_exactly_that_version(bridge: Bridge, clouds: Clouds) -> None:
    assert bridge.send(approval(7)) == []
    key = f"{GROUP_ARN}/7#2026-11-20T10:00:00.123+00:00"
    wanted = {"modelPackageArn": f"{GROUP_ARN}/7", "approvalKey": key, "correlationId": "event-1"}
    assert clouds.runs_of(DEPLOY) == [wanted]
    received, queued = bridge.hops()
    assert (received["hop"], queued["hop"]) == ("received", "queued")
    assert json.loads(received["payload"]) == approval(7)
    assert queued["run_id"] == "1"
    assert queued["correlation_id"] == "event-1"
    assert queued["event_type"] == "approval"
    assert queued["model_package_arn"] == f"{GROUP_ARN}/7"
    assert queued["latency_ms"] > 0


def test_each_line_has_the_id_of_lambdas_trace(
    bridge: Bridge, clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = "1-5759e988-bd862e3fe1be46a994272793"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1")
    bridge.send(approval())
    assert {hop["xray_trace_id"] for hop in bridge.hops()} == {root}


def test_what_is_carried_and_what_is_not_is_counted(
    bridge: Bridge, clouds: Clouds, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.send(approval(), "no JSON")
    (line,) = (json.loads(one) for one in capsys.readouterr().out.splitlines() if "_aws" in one)
    assert (line["Queued"], line["Refused"]) == ([1], [1])
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Isthmus"


def test_two_approvals_give_two_runs_in_order(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval(1), approval(2, id="event-2"))
    assert [run["modelPackageArn"][-2:] for run in clouds.runs_of(DEPLOY)] == ["/1", "/2"]


def test_copies_of_an_approval_give_one_run(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval(), approval(id="event-2"))
    bridge.send(approval())
    assert len(clouds.runs_of(DEPLOY)) == 1
    assert bridge.names_of_hops().count("queued") == 1
    assert bridge.names_of_hops().count("deduplicated") == 2


@pytest.mark.parametrize("at", ["2026-11-20T10:00:00.123Z", 1795168800123, "1795168800123", 1795168800.123,
                                "2026-11-20T11:00:00.123+01:00", "20261120T100000.123Z"])  # fmt: skip
def test_copies_that_write_their_time_otherwise_are_copies(bridge: Bridge, clouds: Clouds, at: Any) -> None:
    bridge.send(approval(), approval(at=at, id="event-2", ModelApprovalStatus="APPROVED"))
    assert len(clouds.runs_of(DEPLOY)) == 1


def test_an_approval_after_a_rejection_is_a_new_one(bridge: Bridge, clouds: Clouds) -> None:
    rejection = approval(at="2026-11-20T11:00:00Z", id="event-2", ModelApprovalStatus="Rejected")
    for event in (approval(), rejection, approval(at="2026-11-20T12:00:00Z", id="event-3")):
        assert bridge.send(event) == []
    assert [run["correlationId"] for run in clouds.runs_of(DEPLOY)] == ["event-1", "event-3"]


def test_edits_of_an_approved_version_start_nothing(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval())
    edited = ["CustomerMetadataProperties", "ModelLifeCycle"]
    assert bridge.send(approval(at="2026-11-20T10:05:00Z", UpdatedModelPackageFields=edited)) == []
    assert bridge.send(approval(2, UpdatedModelPackageFields=[])) == []
    assert len(clouds.runs) == 1
    assert bridge.names_of_hops()[-1] == "ignored"


def test_a_version_registered_as_approved_was_approved_by_nobody(bridge: Bridge, clouds: Clouds) -> None:
    born = approval()
    del born["detail"]["UpdatedModelPackageFields"]
    assert bridge.send(born, born | {"id": "copy"}) == [] and clouds.runs == []
    assert bridge.names_of_hops()[-1] == "noticed"
    (told,) = clouds.notices
    assert told["Subject"] == f"Version 1 of {MODEL} was registered as approved, by nobody"
    assert f"Do: isthmus reject {MODEL} 1 --comment WHY" in told["Message"]
    assert bridge.send(approval(at="2026-11-20T11:00:00Z", id="event-2")) == []
    assert [run["correlationId"] for run in clouds.runs_of(DEPLOY)] == ["event-2"]


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_other_statuses_start_nothing(bridge: Bridge, clouds: Clouds, status: str) -> None:
    assert bridge.send(approval(ModelApprovalStatus=status)) == []
    assert clouds.runs == []


def test_a_loss_of_quality_retrains_once(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(alarm(), alarm(id="copy"))
    name = f"isthmus-{MODEL}-quality"
    key = f"arn:aws:cloudwatch:eu-west-1:444455556666:alarm:{name}#2026-11-20T10:00:00.500+00:00"
    assert clouds.runs_of(BUILD) == [{"reason": "retrain", "triggerKey": key, "correlationId": "alarm-1"}]


def test_a_retraining_waits_while_the_model_is_being_trained(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(landing())
    assert bridge.send(alarm()) == ["0"]
    assert "one at a time" in bridge.hops()[-1]["reason"]
    assert clouds.put_off == [601]
    clouds.runs[0]["status"] = "completed"
    assert bridge.send(alarm()) == []
    assert [run["reason"] for run in clouds.runs_of(BUILD)] == ["data", "retrain"]


@pytest.mark.parametrize(("hours", "hop"), [(23, "cooling"), (25, "queued")])
def test_after_a_retraining_the_model_rests(bridge: Bridge, clouds: Clouds, hours: int, hop: str) -> None:
    bridge.send(alarm())
    clouds.runs[0] |= {"status": "completed", "queueTime": "2026-11-20T10:00:00.5Z"}
    again = alarm(id="alarm-2")
    at = datetime(2026, 11, 20, 10, tzinfo=UTC) + timedelta(hours=hours)
    again["detail"]["state"]["timestamp"] = at.isoformat()
    assert bridge.send(again) == []
    assert bridge.names_of_hops()[-1] == hop


def test_a_model_may_have_a_rest_of_its_own(bridge: Bridge, clouds: Clouds) -> None:
    clouds.said = {MODEL: {"retraining": {"rest_hours": 0}}}
    bridge.send(alarm())
    clouds.runs[0] |= {"status": "completed"}
    again = alarm(id="alarm-2")
    again["detail"]["state"]["timestamp"] = datetime.now(UTC).isoformat()
    assert bridge.send(again) == []
    assert len(clouds.runs) == 2


def test_drift_is_noticed_and_retrains_nothing(bridge: Bridge, clouds: Clouds) -> None:
    assert bridge.send(alarm("drift")) == []
    assert clouds.runs == []
    assert bridge.names_of_hops() == ["received", "noticed"]


def test_an_alarm_on_further_features_is_about_the_same_model(bridge: Bridge, clouds: Clouds) -> None:
    """One alarm watches ten of Model Monitor's metrics."""
    clouds.said = {MODEL: {"retraining": {"when": ["drift"]}}}
    further = json.dumps(alarm("drift")).replace(f"{MODEL}-drift", f"{MODEL}.2-drift")
    assert bridge.send(json.loads(further)) == []
    (run,) = clouds.runs_of(BUILD)
    assert run["reason"] == "drift"


@pytest.mark.parametrize(
    ("previous", "state"), [("ALARM", "OK"), ("OK", "INSUFFICIENT_DATA"), ("ALARM", "ALARM")]
)
def test_only_entering_the_alarm_retrains(bridge: Bridge, clouds: Clouds, previous: str, state: str) -> None:
    assert bridge.send(alarm(state=state, previous=previous)) == []
    assert clouds.runs == []


def test_one_bad_message_fails_alone(bridge: Bridge, clouds: Clouds) -> None:
    assert bridge.send("not JSON", approval(), approval(2, id="event-2")) == []
    assert len(clouds.runs) == 2
    assert [one["body"] for one in clouds.dead_letters] == ["not JSON"]


def test_a_call_that_is_no_batch_raises(bridge: Bridge) -> None:
    from bridge import handler

    with pytest.raises(Exception, match="no batch"):
        handler.handle({"reconcile": "yes"}, None)


def test_nothing_secret_is_logged(bridge: Bridge, clouds: Clouds) -> None:
    clouds.strike(Fault(at=4, status=403))
    bridge.send(approval())
    clouds.strike(None)
    bridge.send(approval())
    said = str(bridge.hops())
    assert "queued" in said
    assert ASSERTION not in said
    assert BEARER not in said


# ---------------------------------------------------------------- when a cloud does not do its part


@pytest.mark.parametrize("status", [429, 503, 401, 203, 400])
@pytest.mark.parametrize("late", [False, True])
def test_whatever_is_answered_to_the_queueing_it_is_done_once(
    bridge: Bridge, clouds: Clouds, status: int, late: bool
) -> None:
    bridge.send(approval())
    queueing = max(number for number, (_, url) in enumerate(clouds.requests) if "/runs?" in url)
    clouds.strike(Fault(at=queueing, status=status, late=late))
    forget()
    assert bridge.send(approval(2)) == ["0"]
    clouds.strike(None)
    clouds.pass_time(61)
    assert bridge.send(approval(2)) == []
    assert len(clouds.runs) == 2


@pytest.mark.parametrize("late", [False, True])
def test_wherever_lambda_dies_the_message_is_carried_once(bridge: Bridge, clouds: Clouds, late: bool) -> None:
    bridge.send(approval())
    for at in range(clouds.count):
        forget()
        clouds.memory.clear()
        clouds.runs.clear()
        clouds.strike(Fault(at=at, late=late, deadly=True))
        bridge.send(approval())
        clouds.strike(None)
        clouds.pass_time(360)
        assert bridge.send(approval()) == [], f"request {at}"
        assert len(clouds.runs) == 1, f"request {at}"


def test_a_denial_is_tried_again_and_then_a_dead_letter_that_says_why(bridge: Bridge, clouds: Clouds) -> None:
    clouds.signed_in = False
    assert bridge.send(approval(), attempt=4) == ["0"]
    assert bridge.hops()[-1]["hop"] == "put off"
    assert bridge.send(approval(), attempt=5) == []
    assert bridge.hops()[-1]["hop"] == "failed"
    (letter,) = clouds.dead_letters
    assert "401, not signed in: TF400813" in letter["reason"]
    assert letter["correlation_id"] == "event-1"
    assert json.loads(letter["body"]) == approval()


# ---------------------------------------------------------------- waiting is the queue's business


def test_what_fails_comes_again_each_time_after_twice_as_long(bridge: Bridge, clouds: Clouds) -> None:
    look = _look(bridge, clouds)
    for attempt in range(1, 30):
        clouds.strike(Fault(at=look, status=503))
        assert bridge.send(approval(), attempt=attempt) == ["0"]
    waits = clouds.put_off
    assert 4 <= waits[0] <= 6 < waits[2] < waits[4] < waits[6]
    assert 600 <= waits[-1] <= max(waits) <= 900
    assert clouds.dead_letters == []


@pytest.mark.parametrize(("message", "hop"), [(approval(), "put off"), ("no JSON", "refused")])
def test_where_the_queue_itself_is_away_that_is_a_line_too(
    bridge: Bridge, clouds: Clouds, message: Any, hop: str
) -> None:
    """The message comes again by itself when its time is over: nobody was told to put it off or away."""
    look = _look(bridge, clouds)
    clouds.strike(Fault(at=0 if hop == "refused" else look, deadly=True))
    assert bridge.send(message) == ["0"]
    said, away = bridge.hops()[-2:]
    assert (said["hop"], away["hop"]) == (hop, "queue away")
    assert "sqs" in away["reason"] or "ConnectionClosed" in away["reason"]
    assert away["correlation_id"] == said["correlation_id"]
    clouds.strike(None)
    assert clouds.put_off == clouds.dead_letters == []


def test_after_the_last_attempt_it_is_a_dead_letter(bridge: Bridge, clouds: Clouds) -> None:
    clouds.strike(Fault(at=_look(bridge, clouds), status=503))
    assert bridge.send(approval(), attempt=30) == []
    assert [one["correlation_id"] for one in clouds.dead_letters] == ["event-1"]


@pytest.mark.parametrize("status", [429, 503])
def test_azure_devops_is_left_alone_for_as_long_as_it_asks(
    bridge: Bridge, clouds: Clouds, status: int
) -> None:
    clouds.strike(Fault(at=_look(bridge, clouds), status=status))
    clouds.headers = {"retry-after": "120"}
    with time_machine.travel(datetime.now(UTC), tick=False):
        assert bridge.send(approval(2), approval(3)) == ["0", "1"]
        assert clouds.put_off == [121, 121]
        asked = clouds.count
        assert bridge.send(approval(4)) == ["0"]
    assert clouds.count == asked + 1, "only the queue was told"


@pytest.mark.parametrize("as_date", [True, False])
def test_an_answer_that_asks_for_rest_is_taken_and_the_next_message_waits(
    bridge: Bridge, clouds: Clouds, as_date: bool
) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    if as_date:
        clouds.headers = {"retry-after": format_datetime(until, usegmt=True)}
    else:
        clouds.headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(until.timestamp()))}
    assert bridge.send(approval(), approval(2, id="event-2")) == ["1"]
    assert len(clouds.runs) == 1
    assert 200 < clouds.put_off[0] <= 301


@pytest.mark.parametrize(
    "said",
    [
        *("", "soon", "-5", "0", "Thu, 99 Foo 2026", "9" * 30),
        pytest.param("9" * 400, id="more than a float holds"),
        "Fri, 31 Dec 99999999999 23:59:59 GMT",
    ],
)
def test_a_rest_that_is_none_or_for_ever_is_not_kept(bridge: Bridge, clouds: Clouds, said: str) -> None:
    clouds.strike(Fault(at=_look(bridge, clouds), status=503))
    clouds.headers = {"retry-after": said}
    assert bridge.send(approval()) == ["0"]
    assert clouds.put_off[0] <= 900


# ---------------------------------------------------------------- order


def test_an_earlier_approval_whose_event_is_late_goes_first(bridge: Bridge, clouds: Clouds) -> None:
    late, now = register(clouds, 3, age=1000), register(clouds, 4, age=500)
    assert bridge.send(approval(4, at=now, id="event-4")) == []
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3", "4"]
    assert bridge.send(approval(3, at=late, id="event-3")) == []
    assert len(clouds.runs) == 2
    assert bridge.names_of_hops()[-1] == "deduplicated"


def test_an_approval_that_a_later_one_overtook_starts_nothing(bridge: Bridge, clouds: Clouds) -> None:
    """The registry did not show it when the later one was carried."""
    bridge.send(approval(4, at=register(clouds, 4, age=500)))
    assert bridge.send(approval(3, at=register(clouds, 3, age=1000))) == []
    assert len(clouds.runs) == 1
    assert bridge.names_of_hops()[-1] == "overtaken"


def test_an_approval_that_was_withdrawn_meanwhile_starts_nothing(bridge: Bridge, clouds: Clouds) -> None:
    at = register(clouds, 3, age=1000)
    register(clouds, 3, age=500, ModelApprovalStatus="Rejected")
    assert bridge.send(approval(3, at=at)) == []
    assert (clouds.runs, bridge.names_of_hops()[-1]) == ([], "withdrawn")


def test_however_many_past_approvals_are_told_a_version_that_was_not_changed_has_one_run(
    bridge: Bridge, clouds: Clouds
) -> None:
    """Whoever may put a message into the queue can tell of any moment; the registry has only one."""
    changed = int(time.time()) - 1000 + 0.5
    register(clouds, 3, LastModifiedTime=changed, CreationTime=changed - 60)
    for number, seconds in enumerate((-50, -30, -1, 0, 0.1, 0.4, -20)):
        forged = approval(3, at=repr((changed + seconds) * 1000), id=f"forged-{number}")
        assert bridge.send(forged, told=False) == []
    later = approval(3, at=repr((time.time() - 500) * 1000), id="later")
    assert bridge.send(later, told=False, attempt=30) == []
    assert len(clouds.runs) == 1
    (letter,) = clouds.dead_letters
    assert "the registry calls the version Approved since" in letter["reason"]


def test_an_approval_that_the_registry_does_not_show_yet_comes_again(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3, age=1000, ModelApprovalStatus="PendingManualApproval")
    assert bridge.send(approval(3, at=repr((time.time() - 500) * 1000)), told=False) == ["0"]
    register(clouds, 3, age=500)
    assert bridge.send(approval(3, at=repr((time.time() - 500) * 1000))) == []
    assert len(clouds.runs) == 1


def test_the_approval_of_a_version_that_was_deleted_starts_nothing(bridge: Bridge, clouds: Clouds) -> None:
    assert bridge.send(approval(3), told=False) == []
    assert (clouds.runs, bridge.hops()[-1]["reason"]) == ([], "the version was deleted")


def test_two_never_look_after_one_pipeline_at_a_time(bridge: Bridge, clouds: Clouds) -> None:
    """What one is about to queue the other cannot see yet: it waits, and finds it."""
    register(clouds, 1)
    with lease.held(DEPLOY):
        assert bridge.send(approval(), alarm()) == ["0"]
        assert bridge.reconcile() == 0
    assert "somebody else looks after" in bridge.hops()[1]["reason"]
    assert all(3 < one <= 6 for one in clouds.put_off)
    assert len(clouds.looks) == 1, "the look comes again"
    assert bridge.send(approval()) == []
    assert [len(clouds.runs_of(one)) for one in (DEPLOY, BUILD)] == [1, 1]


def test_a_lease_that_its_holder_could_not_give_back_ends_by_itself(bridge: Bridge, clouds: Clouds) -> None:
    clouds.throttled = {"DeleteItem"}
    assert bridge.send(approval(), approval(2, id="event-2")) == ["1"]
    clouds.pass_time(61)
    assert bridge.send(approval(2, id="event-2")) == []
    assert len(clouds.runs) == 2


@pytest.mark.parametrize("operation", ["PutItem", "GetItem"])
def test_a_memory_that_is_throttled_loses_and_doubles_nothing(
    bridge: Bridge, clouds: Clouds, operation: str
) -> None:
    clouds.throttled = {operation}
    assert bridge.send(approval()) == ["0"]
    clouds.throttled.clear()
    clouds.pass_time(61)
    assert bridge.send(approval()) == []
    assert len(clouds.runs) == 1


def _look(bridge: Bridge, clouds: Clouds) -> int:
    """The number of the request that looks at the runs, where the bridge is warm."""
    bridge.send(approval(99, "2026-11-19T10:00:00Z"))
    clouds.strike(None)
    bridge.send(approval(99, "2026-11-19T10:00:00Z"))
    return next(n for n, (_, url) in enumerate(clouds.requests[-clouds.count :]) if "build/builds" in url)


def test_a_revoked_token_is_asked_for_again(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval())
    clouds.signed_in = False
    assert bridge.send(approval(2)) == ["0"]
    clouds.signed_in = True
    before = len(_tokens(clouds))
    assert bridge.send(approval(2)) == []
    assert len(_tokens(clouds)) == before + 1


def test_token_and_pipeline_are_asked_for_once(bridge: Bridge, clouds: Clouds) -> None:
    for version in range(1, 5):
        bridge.send(approval(version, id=f"event-{version}"))
    assert len(_tokens(clouds)) == 1
    assert sum("build/definitions" in url for _, url in clouds.requests) == 1


def test_a_missing_pipeline_is_a_failure_with_a_remedy(bridge: Bridge, clouds: Clouds) -> None:
    del clouds.pipelines[DEPLOY]
    assert bridge.send(approval()) == ["0"]
    assert "isthmus azure apply" in bridge.hops()[-1]["reason"]


def _tokens(clouds: Clouds) -> list[str]:
    return [url for _, url in clouds.requests if url.endswith("/oauth2/v2.0/token")]


@pytest.mark.parametrize("group", ["payroll", "Payroll-2", "seattle-rain-of-others"])
def test_the_version_of_a_group_that_is_no_model_of_the_platform_is_ignored(
    bridge: Bridge, clouds: Clouds, group: str
) -> None:
    """Other teams may keep theirs in the same account: that is no error, and starts nothing."""
    arn = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:model-package/{group.lower()}/1"
    event = approval(ModelPackageGroupName=group, ModelPackageArn=arn) | {"resources": [arn]}
    assert bridge.send(event) == []
    assert bridge.names_of_hops() == ["received", "ignored"]
    assert clouds.runs == []


def test_a_model_that_is_added_is_known_at_once_and_a_removed_one_no_more(
    bridge: Bridge, clouds: Clouds
) -> None:
    clouds.models.remove(MODEL)
    bridge.send(approval(1))
    clouds.models.add(MODEL)
    bridge.send(approval(2, id="event-2"))
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(f"{MODEL}-deploy")] == ["2"]


def test_a_data_set_that_landed_queues_one_build_of_exactly_that_version(
    bridge: Bridge, clouds: Clouds
) -> None:
    assert bridge.send(landing(), landing(id="copy")) == []
    key = f"{MODEL}/2013-h1@0123456789abcdef#2026-11-20T10:00:00.000+00:00"
    assert clouds.runs_of(BUILD) == [
        {
            "reason": "data",
            "triggerKey": key,
            "correlationId": "landed-1",
            "dataSet": "2013-h1@0123456789abcdef",
        }
    ]
    assert {hop["data_set"] for hop in bridge.hops()} == {"2013-h1@0123456789abcdef"}


def test_another_version_of_a_data_set_is_another_build(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(landing(), landing(id="second", version="f" * 16, landed="2026-11-21T10:00:00Z"))
    assert [run["dataSet"][-2:] for run in clouds.runs_of(BUILD)] == ["ef", "ff"]


def test_a_data_set_of_a_model_that_is_not_ours_starts_nothing(bridge: Bridge, clouds: Clouds) -> None:
    assert bridge.send(landing(model="elsewhere")) == []
    assert clouds.runs == []
