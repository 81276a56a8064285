"""What starts a retraining is what platform.yaml says; how often at the most, too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.bridge.clouds import BY_BRIDGE, Clouds, Fault
from tests.bridge.conftest import AUTOMATION, MODEL, PROD, REGION, Bridge, alarm, due, landing

BUILD = f"{MODEL}-build"


def policy(clouds: Clouds, **retraining: Any) -> None:
    """What platform.yaml says of the model."""
    clouds.said = {MODEL: {"retraining": retraining}}


def has_run(
    clouds: Clouds, reason: str, *, days: float = 0, hours: float = 0, status: str = "completed"
) -> str:
    """A build so long ago."""
    queued = datetime.now(UTC) - timedelta(days=days, hours=hours)
    run = {"id": len(clouds.runs) + 1, "pipeline": clouds.pipelines[BUILD], "status": status} | BY_BRIDGE
    clouds.runs.append(run | {"templateParameters": {"reason": reason}, "queueTime": queued.isoformat()})
    return str(run["id"])


def now(envelope: dict[str, Any]) -> dict[str, Any]:
    """The event, of this moment."""
    at = datetime.now(UTC).isoformat()
    if "state" in envelope["detail"]:
        envelope["detail"]["state"]["timestamp"] = at
    else:
        envelope["detail"]["due"] = at
    return envelope


def told(clouds: Clouds) -> list[tuple[str, str]]:
    """Subject and text of each message that people got."""
    return [(one["Subject"], json.loads(one["Message"])["email"]) for one in clouds.notices]


def reasons(clouds: Clouds) -> list[str]:
    return [run["reason"] for run in clouds.runs_of(BUILD)]


EVENTS = {"quality": alarm(), "drift": alarm("drift"), "data": landing(), "schedule": due()}
REASON = {"quality": "retrain", "drift": "drift", "data": "data", "schedule": "schedule"}


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("asked", EVENTS)
def test_what_platform_yaml_asks_for_retrains_and_nothing_else(
    bridge: Bridge, clouds: Clouds, asked: str, kind: str
) -> None:
    wanted = {"schedule": "rate(30 days)", "when": []} if asked == "schedule" else {"when": [asked]}
    policy(clouds, **wanted)
    assert bridge.send(EVENTS[kind]) == []
    assert reasons(clouds) == ([REASON[kind]] if asked == kind else [])
    assert bridge.names_of_hops()[-1] in (["queued"] if asked == kind else ["noticed", "ignored"])


def test_a_model_of_which_nothing_is_said_retrains_for_quality_and_data_as_ever(
    bridge: Bridge, clouds: Clouds
) -> None:
    bridge.send(alarm("drift"))
    assert clouds.runs == []
    bridge.send(landing())
    assert reasons(clouds) == ["data"]


def test_copies_of_a_schedules_event_retrain_once(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, schedule="rate(1 day)", rest_hours=0)
    bridge.send(due(), due(id="copy"), due(id="other", at="2026-11-20T10:00:00.000+00:00"))
    assert clouds.runs_of(BUILD) == [
        {"reason": "schedule", "triggerKey": f"{MODEL}/schedule#2026-11-20T10:00:00.000+00:00",
         "correlationId": "due-1"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "forged",
    [{"account": PROD}, {"region": "us-east-1"}, {"detail": {"model": MODEL}}, {"source": "isthmus.cron"},
     {"detail": {"model": ["x"], "due": "2026-11-20T10:00:00Z"}}, {"detail-type": "Retraining due"}],
)  # fmt: skip
def test_a_schedule_that_is_none_of_ours_is_a_dead_letter(
    bridge: Bridge, clouds: Clouds, forged: dict[str, Any]
) -> None:
    policy(clouds, schedule="rate(1 day)")
    assert bridge.send(due() | forged) == []
    assert clouds.runs == [] and len(clouds.dead_letters) == 1


@pytest.mark.parametrize(
    ("before", "wanted", "rests"),
    [
        ("retrain", "quality", True),
        ("schedule", "quality", True),
        # What nobody wanted to release keeps nobody from what is wanted.
        ("drift", "quality", False),
        ("data", "quality", False),
        ("merge", "quality", False),
        ("retrain", "drift", True),
        ("drift", "drift", True),
        ("retrain", "schedule", True),
        # A schedule of a day must not come round too early each second time.
        ("schedule", "schedule", False),
        ("retrain", "data", False),
    ],
)
def test_after_which_builds_a_retraining_rests(
    bridge: Bridge, clouds: Clouds, before: str, wanted: str, rests: bool
) -> None:
    policy(clouds, when=["quality", "drift", "data"], schedule="rate(1 day)", rest_hours=24)
    has_run(clouds, before, hours=23.9)
    event = EVENTS[wanted]
    assert bridge.send(event if wanted == "data" else now(json.loads(json.dumps(event)))) == []
    assert bridge.names_of_hops()[-1] == ("cooling" if rests else "queued")
    assert len(clouds.runs) == (1 if rests else 2)


# ---------------------------------------------------------------- what people are told

BY_HAND = f"Do: isthmus azure run {BUILD}"
SUBJECT = {
    "quality": f"{MODEL} in prod: its quality is lost",
    "drift": f"{MODEL} in prod: its inputs have drifted",
}
ALARM = (
    "See: https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/isthmus-"
)


@pytest.mark.parametrize(
    ("kind", "asked", "before", "lines"),
    [
        ("drift", {}, None, ["not retrained because of drift", BY_HAND,
                             "Or: retraining.when in platform.yaml with drift"]),
        ("quality", {"when": []}, None, ["not retrained because of quality", BY_HAND,
                                         "Or: retraining.when in platform.yaml with quality"]),
        ("drift", {"when": ["drift"]}, None, [f"A shadow is trained, which is compared and waits for nobody: "
                                              f"run 1 of {BUILD}.", "_build/results?buildId=1"]),
        ("quality", {}, None, [f"It is trained anew: run 1 of {BUILD}.", "_build/results?buildId=1"]),
        ("quality", {}, "retrain", ["not trained anew: run 1 retrained the model less than 1 day", BY_HAND,
                                    "Or: a shorter retraining.rest_hours"]),
        ("quality", {"rest_hours": 0, "most_per_month": 1}, "data",
         ["its 1 retrainings of the month have been", BY_HAND, "Or: a higher retraining.most_per_month"]),
    ],
)  # fmt: skip
def test_people_are_told_what_was_found_and_what_becomes_of_it(
    bridge: Bridge, clouds: Clouds, kind: str, asked: dict[str, Any], before: str | None, lines: list[str]
) -> None:
    policy(clouds, **asked)
    if before:
        has_run(clouds, before, hours=0.01)
    event = now(alarm(kind))
    event["detail"]["state"]["reason"] = "Threshold Crossed: 1 datapoint [3.2 (20/11/26)] was over (1.0)."
    assert bridge.send(event, event | {"id": "copy"}) == []
    (text,) = [text for subject, text in told(clouds) if subject == SUBJECT[kind]]
    assert text.startswith(
        f"{SUBJECT[kind]}.\nThreshold Crossed: 1 datapoint (3.2 (20/11/26)) was over (1.0)."
    )
    for line in [*lines, f"isthmus monitor report {MODEL} --stage prod", f"{ALARM}{MODEL}-{kind}"]:
        assert line in text


def test_people_are_told_at_once_of_what_is_trained_only_later(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, rest_hours=0)
    has_run(clouds, "merge", status="inProgress")
    event = now(alarm())
    assert bridge.send(event) == ["0"] == bridge.send(event, attempt=2)
    ((subject, text),) = told(clouds)
    assert subject == SUBJECT["quality"]
    assert "It is trained anew later: run 1 trains the model now, one at a time." in text
    clouds.runs[0]["status"] = "completed"
    assert bridge.send(event, attempt=3) == []
    assert f"run 2 of {BUILD}" in told(clouds)[1][1] and len(clouds.notices) == 2


def test_what_people_were_told_is_trained_later_is_so_however_long_the_run_goes_on(
    bridge: Bridge, clouds: Clouds
) -> None:
    policy(clouds, rest_hours=0)
    has_run(clouds, "merge", status="inProgress")
    event = now(alarm())
    # It goes to the queue's end, where its attempts are counted from the first.
    assert bridge.send(event, attempt=30) == []
    assert clouds.dead_letters == [] and len(clouds.looks) == 1 and 600 <= clouds.delays[0] <= 900
    clouds.runs[0]["status"] = "completed"
    assert bridge.send(clouds.looks.pop()) == []
    assert reasons(clouds) == ["merge", "retrain"]
    assert len(clouds.notices) == 2


def test_a_schedule_that_comes_faster_than_runs_end_is_a_dead_letter(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, schedule="rate(1 day)")
    has_run(clouds, "merge", status="inProgress")
    assert bridge.send(now(due()), attempt=30) == []
    assert len(clouds.dead_letters) == 1 and clouds.looks == []


@pytest.mark.parametrize("late", [False, True])
def test_whatever_breaks_people_are_told_and_one_run_is_made(
    bridge: Bridge, clouds: Clouds, late: bool
) -> None:
    event = now(alarm())
    bridge.send(event)
    for at in range(len(clouds.requests)):
        clouds.memory.clear()
        clouds.runs.clear()
        clouds.notices.clear()
        clouds.strike(Fault(at=at, late=late, deadly=True))
        bridge.send(event)
        clouds.strike(None)
        clouds.pass_time(360)
        assert bridge.send(event, attempt=2) == []
        assert (len(clouds.runs), len(clouds.notices) in (1, 2)) == (1, True), at


@pytest.mark.parametrize("event", [alarm(state="OK", previous="ALARM"), alarm(previous="ALARM")])
def test_of_an_alarm_that_ends_or_goes_on_nobody_is_told(
    bridge: Bridge, clouds: Clouds, event: dict[str, Any]
) -> None:
    assert bridge.send(event) == [] and clouds.notices == []


# ---------------------------------------------------------------- the budget of a month


def test_past_the_months_budget_nothing_is_trained_and_people_are_told_once(
    bridge: Bridge, clouds: Clouds
) -> None:
    policy(clouds, when=["quality", "data"], rest_hours=0, most_per_month=2)
    for reason in ("retrain", "data"):
        has_run(clouds, reason)
    assert bridge.send(now(alarm()), landing(id="landed-2"), now(alarm(id="again"))) == []
    assert len(clouds.runs) == 2
    assert bridge.names_of_hops().count("spent") == 3
    subject = f"{MODEL} is retrained no more in {datetime.now(UTC):%Y-%m}"
    (text,) = [text for one, text in told(clouds) if one == subject]
    assert "its 2 retrainings of the month have been" in text
    assert f"Do: isthmus azure run {BUILD}" in text


def test_a_loss_of_quality_past_the_budget_is_told_in_one_notice(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, rest_hours=0, most_per_month=1)
    has_run(clouds, "retrain", hours=0.01)
    assert bridge.send(now(alarm())) == []
    ((subject, text),) = told(clouds)
    assert subject == SUBJECT["quality"] and "its 1 retrainings of the month have been" in text
    assert bridge.send(landing(), landing(id="landed-2", version="fedcba9876543210")) == []
    assert [one for one, _ in told(clouds)][1:] == [
        f"{MODEL} is retrained no more in {datetime.now(UTC):%Y-%m}"
    ]
    advice = [[line for line in text.splitlines() if line[:3] in ("Do:", "Or:")] for _, text in told(clouds)]
    assert len(advice[0]) == 2 and advice[0] == advice[1]


def test_merges_and_earlier_months_are_no_part_of_the_budget(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, rest_hours=0, most_per_month=1)
    has_run(clouds, "retrain", days=32)
    has_run(clouds, "merge")
    bridge.send(now(alarm()))
    assert bridge.names_of_hops()[-1] == "queued" and "no more" not in str(clouds.notices)


def test_a_copy_of_what_was_queued_within_the_budget_is_a_copy(bridge: Bridge, clouds: Clouds) -> None:
    policy(clouds, most_per_month=1)
    event = now(alarm())
    bridge.send(event)
    bridge.send(event | {"id": "copy"})
    assert bridge.names_of_hops()[-1] == "deduplicated"
    assert "no more" not in str(clouds.notices)


@pytest.mark.parametrize(("hours", "hop"), [(1.9, "queued"), (2.1, "spent")])
def test_a_budget_may_be_of_hours_that_executions_took(
    bridge: Bridge, clouds: Clouds, hours: float, hop: str
) -> None:
    policy(clouds, rest_hours=0, most_hours_per_month=2)
    started = datetime.now(UTC).timestamp()
    for number in (has_run(clouds, "retrain"), has_run(clouds, "merge", hours=0.01)):
        arn = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:pipeline/{MODEL}/execution/e{number}"
        clouds.jobs.executions[arn] = {
            "PipelineExecutionDisplayName": f"run-{number}",
            "PipelineExecutionStatus": "Succeeded",
            "StartTime": started,
        }
        clouds.jobs.steps[arn] = [
            {"StepName": name, "StepStatus": "Succeeded", "StartTime": 0, "EndTime": hours * 3600 / 2}
            for name in ("Prepare", "Train")
        ]
    assert bridge.send(now(alarm())) == []
    assert bridge.names_of_hops()[-1] == hop
    assert ("have run 2.1 hours, of 2" in str(clouds.notices)) == (hop == "spent")
