"""Events that never came: the registry is compared with the runs."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import GROUP_ARN, MODEL, PROD, Bridge, approval, tick

DEPLOY = f"{MODEL}-deploy"


def register(clouds: Clouds, version: int, *, age: float = 3600, **fields: Any) -> str:
    """Put an approved version into the registry; gives the time of its approval as an event says it."""
    arn, modified = f"{GROUP_ARN}/{version}", round(time.time() - age, 3)
    clouds.packages[arn] = {
        "ModelPackageName": MODEL,
        "ModelPackageGroupName": MODEL,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
        "CreationTime": modified - 60,
        "LastModifiedTime": modified,
    } | fields
    return repr(modified * 1000)


def test_a_lost_approval_is_repaired_once(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    assert bridge.reconcile() == 1
    assert bridge.reconcile() == 0
    assert [run["modelPackageArn"] for run in clouds.runs_of(DEPLOY)] == [f"{GROUP_ARN}/3"]


def test_an_event_that_comes_after_all_finds_the_run(bridge: Bridge, clouds: Clouds) -> None:
    at = register(clouds, 3)
    bridge.reconcile()
    clouds.memory.clear()
    assert bridge.send(approval(3, at=at)) == []
    assert len(clouds.runs) == 1


def test_also_where_the_version_was_edited_meanwhile(bridge: Bridge, clouds: Clouds) -> None:
    at = register(clouds, 3, age=3600)
    register(clouds, 3, age=1800)
    bridge.reconcile()
    assert bridge.send(approval(3, at=at)) == []
    assert len(clouds.runs) == 1


def test_a_later_approval_of_a_repaired_version_is_a_new_one(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    bridge.reconcile()
    bridge.send(approval(3, at=repr((time.time() - 60) * 1000)))
    assert len(clouds.runs_of(DEPLOY)) == 2


def test_several_lost_approvals_are_repaired_in_their_order(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 4, age=1000)
    register(clouds, 3, age=500)
    assert bridge.reconcile() == 2
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["4", "3"]


def test_what_a_later_approval_overtook_stays(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval(4, at=register(clouds, 4, age=500)))
    register(clouds, 3, age=1000)
    assert bridge.reconcile() == 0
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["4"]


AN_HOUR_AGO = round(time.time() - 3600, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"ModelApprovalStatus": "PendingManualApproval"},
        {"ModelApprovalStatus": "Rejected"},
        {"ModelPackageStatus": "Failed"},
        {"ModelLifeCycle": {"Stage": "prod", "StageStatus": "InService"}},
        {"LastModifiedTime": None},
        {"CreationTime": AN_HOUR_AGO, "LastModifiedTime": AN_HOUR_AGO},
        {"age": 10},
        {"age": 30 * 24 * 3600},
    ],
)
def test_what_waits_for_no_run_gets_none(bridge: Bridge, clouds: Clouds, fields: dict[str, Any]) -> None:
    register(clouds, 3, **fields)
    assert bridge.reconcile() == 0
    assert clouds.runs == []


def test_a_failure_stops_no_other_model(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    del clouds.pipelines["other-deploy"]
    assert bridge.reconcile() == 1
    assert sorted(bridge.names_of_hops()) == ["differs", "put off", "queued"]
    (look,) = clouds.looks
    assert bridge.send(look, attempt=5) == []
    (letter,) = clouds.dead_letters
    assert "0 pipelines are called other-deploy" in letter["reason"]


def test_what_keeps_runs_from_being_queued_keeps_no_version_from_being_told(
    bridge: Bridge, clouds: Clouds
) -> None:
    register(clouds, 3, ModelApprovalStatus="PendingManualApproval", CustomerMetadataProperties={})
    del clouds.pipelines[DEPLOY]
    bridge.reconcile()
    assert [one["Subject"] for one in clouds.notices] == [f"Version 3 of {MODEL} waits for an approver"]


def test_each_of_many_models_is_looked_after_the_later_ones_later(bridge: Bridge, clouds: Clouds) -> None:
    clouds.models = {MODEL, *(f"model-{number}" for number in range(24))}
    bridge.send(tick())
    listing = next(one for one in clouds.looks if "List Models" in one)
    clouds.looks.clear()
    assert bridge.send(listing) == []
    assert sorted(json.loads(one)["detail"]["about"] for one in clouds.looks) == sorted(clouds.models)
    assert clouds.delays == [0] * 3 + [0] * 10 + [5] * 10 + [10] * 5


@pytest.mark.parametrize("late", [False, True])
def test_wherever_lambda_dies_while_it_lists_it_goes_on_from_there(
    bridge: Bridge, clouds: Clouds, late: bool
) -> None:
    clouds.models = {f"model-{number}" for number in range(24)}
    bridge.send(tick())
    listing = next(one for one in clouds.looks if "List Models" in one)
    clouds.strike(None)
    bridge.send(listing)
    for at in range(clouds.count):
        clouds.memory.clear()
        clouds.looks.clear()
        clouds.strike(Fault(at=at, late=late, deadly=True))
        bridge.send(listing)
        clouds.strike(None)
        assert bridge.send(listing) == []
        asked = [json.loads(one)["detail"]["about"] for one in clouds.looks]
        assert set(asked) == clouds.models
        assert len(asked) <= 34, "at most one page is asked for twice"


def test_a_look_that_the_queue_does_not_take_is_asked_for_again(bridge: Bridge, clouds: Clouds) -> None:
    clouds.full = True
    assert bridge.send(tick()) == ["0"]
    assert "did not take 3 looks" in bridge.hops()[-1]["reason"]


def look_after_model(bridge: Bridge, clouds: Clouds) -> str:
    clouds.models = {MODEL}
    bridge.send(tick())
    bridge.send(next(one for one in clouds.looks if "List Models" in one))
    return clouds.looks.pop()


AWAY = {
    "Azure DevOps is busy": Fault(at=0, status=503),
    "a connection broke": Fault(at=0),
    "the registry is slow": Fault(at=0, status=500),
}


@pytest.mark.parametrize("request_", range(4))
@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY)
def test_a_look_that_finds_a_cloud_away_makes_room_for_the_next_and_pages_nobody(
    bridge: Bridge, clouds: Clouds, fault: Fault, request_: int
) -> None:
    register(clouds, 3)
    look = look_after_model(bridge, clouds)
    clouds.strike(replace(fault, at=request_, deadly=True))
    assert bridge.send(look, sent=time.time() - 1900) == []
    assert (bridge.names_of_hops()[-1], clouds.dead_letters) == ("given up", [])
    clouds.strike(None)
    clouds.pass_time(120)
    assert bridge.reconcile() == 1, "the next one does what it left"


@pytest.mark.parametrize("operation", ["PutItem", "GetItem"])
def test_so_does_one_that_is_throttled_for_half_an_hour(
    bridge: Bridge, clouds: Clouds, operation: str
) -> None:
    register(clouds, 3)
    look = look_after_model(bridge, clouds)
    clouds.throttled = {operation}
    assert bridge.send(look, sent=time.time() - 1900) == []
    assert "slow down" in bridge.hops()[-1]["reason"]
    assert (bridge.names_of_hops()[-1], clouds.dead_letters) == ("given up", [])


def test_an_event_is_tried_for_longer_than_a_look(bridge: Bridge, clouds: Clouds) -> None:
    clouds.throttled = {"PutItem"}
    assert bridge.send(approval(), sent=time.time() - 1900) == ["0"]
    assert bridge.names_of_hops()[-1] == "put off"


def test_a_look_that_only_a_person_can_help_is_a_dead_letter_that_says_why(
    bridge: Bridge, clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = look_after_model(bridge, clouds)
    refusal = {"__type": "AccessDeniedException", "message": "not authorized to perform dynamodb:PutItem"}
    monkeypatch.setattr(clouds, "_dynamodb", lambda *_: (400, refusal))
    assert bridge.send(look, sent=time.time() - 1900) == []
    (letter,) = clouds.dead_letters
    assert "not authorized to perform dynamodb:PutItem" in letter["reason"]


@pytest.mark.parametrize("about", ["../other", "Payroll", "", None, "a" * 64])
def test_a_look_after_what_is_no_model_is_refused(bridge: Bridge, clouds: Clouds, about: str | None) -> None:
    look = tick() | {
        "source": "isthmus.bridge",
        "detail-type": "Look After Model",
        "detail": {"about": about},
    }
    assert bridge.send(look) == []
    assert bridge.names_of_hops() == ["refused"]


@pytest.mark.parametrize(
    "kind", ["List Models", "List Jobs", "Look After Stages", "Look After Model", "Look After Job"]
)
def test_a_look_from_another_account_is_refused(bridge: Bridge, clouds: Clouds, kind: str) -> None:
    theirs = {"source": "isthmus.bridge", "detail-type": kind, "detail": {"about": MODEL}, "account": PROD}
    assert bridge.send(tick() | theirs, tick() | {"account": PROD}) == []
    assert bridge.names_of_hops() == ["refused", "refused"]
    assert len(clouds.dead_letters) == 2


def test_of_two_approved_in_the_same_millisecond_the_higher_version_is_the_later(
    bridge: Bridge, clouds: Clouds
) -> None:
    at = round(time.time() - 500, 3)
    for version in (3, 4):
        register(clouds, version, CreationTime=at - 60, LastModifiedTime=at)
    assert bridge.send(approval(4, at=repr(at * 1000))) == []
    assert bridge.send(approval(3, at=repr(at * 1000))) == []
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3", "4"]
    clouds.runs.clear()
    clouds.memory.clear()
    assert bridge.reconcile() == 2
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3", "4"]


def test_an_approval_that_is_yet_to_come_is_refused_and_silences_no_later_one(
    bridge: Bridge, clouds: Clouds
) -> None:
    register(clouds, 1, age=3000)
    assert bridge.send(approval(1, at="9999-01-01T00:00:00Z", id="forged")) == []
    (letter,) = clouds.dead_letters
    assert letter["reason"] == "LastModifiedTime is a time that is yet to come"
    assert bridge.send(approval(2, at=register(clouds, 2, age=2000))) == []
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["1", "2"]


def test_a_lost_answer_does_not_double(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    bridge.reconcile()
    queueing = max(number for number, (_, url) in enumerate(clouds.requests) if "/runs?" in url)
    register(clouds, 4, age=600)
    for fault in (Fault(at=at, late=True) for at in range(queueing + 2)):
        clouds.strike(fault)
        bridge.reconcile()
        clouds.pass_time(60)
    clouds.strike(None)
    bridge.reconcile()
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3", "4"]
