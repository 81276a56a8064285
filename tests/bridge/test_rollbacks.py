"""A version that serves loses its approval: by config, the one that served before it is deployed again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import GROUP_ARN, MODEL, PROD, Bridge, alarm, approval
from tests.bridge.stages import Endpoint
from tests.bridge.test_reconcile import register

DEPLOY = f"{MODEL}-deploy"


@pytest.fixture(autouse=True)
def asked_for(clouds: Clouds) -> None:
    clouds.said = {MODEL: {"rollback_rejected": True}}


def served(
    clouds: Clouds,
    version: int,
    run: int,
    status: str = "Approved",
    *,
    now: bool = False,
    as_: str = "InService",
) -> str:
    """A version that a run brought to prod, where it serves `now` or did once; gives when it was modified."""
    cycle = {"Stage": "prod", "StageStatus": as_ if now else "Retired"}
    return register(
        clouds,
        version,
        age=3000 - version,
        ModelApprovalStatus=status,
        ModelLifeCycle=cycle,
        CustomerMetadataProperties={"prod_run_id": str(run)},
    )


def both_answer(clouds: Clouds) -> Endpoint:
    """Prod's endpoint, where version 4 answers beside version 2."""
    found = Endpoint(f"{GROUP_ARN}/2", f"{GROUP_ARN}/4", weight=0.7, challenger_weight=0.3)
    clouds.stages.endpoints[PROD, MODEL] = found
    return found


def rejection(at: str, version: int = 4, status: str = "Rejected", **detail: Any) -> dict[str, Any]:
    return approval(version, at=at, id="rejection", ModelApprovalStatus=status, **detail)


def deployed(clouds: Clouds) -> list[str]:
    return [run["modelPackageArn"].rpartition("/")[2] for run in clouds.runs_of(DEPLOY)]


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_the_version_that_served_before_is_deployed_again_once(
    bridge: Bridge, clouds: Clouds, status: str
) -> None:
    served(clouds, 1, 30)
    served(clouds, 2, 20)
    served(clouds, 3, 35, "Rejected")
    at = served(clouds, 4, 40, status, now=True)
    assert bridge.send(rejection(at, status=status), rejection(at, status=status)) == []
    assert bridge.names_of_hops() == ["received", "queued", "received", "deduplicated"]
    assert bridge.reconcile() == 0
    (run,) = clouds.runs_of(DEPLOY)
    assert run["modelPackageArn"] == f"{GROUP_ARN}/1"
    assert run["approvalKey"].startswith(f"rollback:{GROUP_ARN}/4#")
    assert run["correlationId"] == "rejection"
    assert run["rollback"] == "the bridge: version 4 lost its approval"


def test_a_rejection_that_never_came_is_found(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, "Rejected", now=True)
    assert bridge.reconcile() == 1
    assert bridge.reconcile() == 0
    assert bridge.send(rejection(at)) == []
    assert deployed(clouds) == ["1"]


def test_a_second_rejection_that_never_came_is_found_too(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 1, 30)
    assert bridge.send(rejection(served(clouds, 4, 40, "Rejected", now=True))) == []
    # What is told of runs: they are numbered on from 101. It was approved again, and run 150 deployed it.
    clouds.runs[0] |= {"id": 101, "status": "completed"}
    served(clouds, 4, 150, "Rejected", now=True)
    clouds.packages[f"{GROUP_ARN}/4"]["LastModifiedTime"] += 1000
    assert bridge.reconcile() == 1
    assert deployed(clouds) == ["1", "1"]
    clouds.runs[1] |= {"id": 151}
    assert bridge.reconcile() == 0


def test_one_that_is_compared_is_taken_away_and_is_not_what_served_before(
    bridge: Bridge, clouds: Clouds
) -> None:
    served(clouds, 1, 20)
    served(clouds, 2, 30, now=True)
    at = served(clouds, 4, 40, "Rejected", now=True, as_="Challenger")
    assert bridge.send(rejection(at)) == []
    assert deployed(clouds) == ["2"]
    clouds.runs.clear()
    # The other one is rejected in its turn, and another is compared with it.
    at = served(clouds, 2, 30, "Rejected", now=True)
    served(clouds, 4, 40, now=True, as_="Challenger")
    assert bridge.send(rejection(at, version=2)) == []
    assert deployed(clouds) == ["1"]


@pytest.mark.parametrize("kind", ["errors", "latency"])
def test_one_that_is_compared_is_taken_away_by_its_own_alarm_once_and_the_run_says_why(
    bridge: Bridge, clouds: Clouds, kind: str
) -> None:
    clouds.said = {}
    served(clouds, 1, 20)
    served(clouds, 2, 30, now=True)
    served(clouds, 4, 40, now=True, as_="Challenger")
    endpoint = both_answer(clouds)
    event = alarm(f"{kind}-challenger")
    assert bridge.send(event, event) == []
    assert (endpoint.weight, endpoint.challenger_weight) == (1, 0)
    assert bridge.names_of_hops() == ["received", "queued", "received", "deduplicated"]
    (run,) = clouds.runs_of(DEPLOY)
    assert run["modelPackageArn"] == f"{GROUP_ARN}/2"
    assert run["approvalKey"].startswith(f"rollback:{GROUP_ARN}/4#")
    name = f"isthmus-{MODEL}-{kind}-challenger"
    assert run["rollback"] == f"the bridge: version 4 is compared, and its alarm {name} went off"
    (told,) = clouds.notices
    assert f"Do: isthmus azure approve {clouds.runs[0]['id']}" in told["Message"]
    # It goes on for as long as nobody lets the run pass.
    assert bridge.send(alarm(f"{kind}-challenger", id="again")) == []
    assert deployed(clouds) == ["2"]


def test_one_that_is_compared_answers_nobody_before_azure_devops_can_be_asked(
    bridge: Bridge, clouds: Clouds
) -> None:
    served(clouds, 2, 30, now=True)
    served(clouds, 4, 40, now=True, as_="Challenger")
    endpoint, clouds.signed_in = both_answer(clouds), False
    assert bridge.send(event := alarm("errors-challenger")) == ["0"]
    assert (endpoint.weight, endpoint.challenger_weight, clouds.runs) == (1, 0, [])
    clouds.signed_in = True
    assert bridge.send(event) == []
    assert deployed(clouds) == ["2"]


@pytest.mark.parametrize("how", ["closed", "away"])
def test_where_traffic_cannot_fall_back_the_run_is_queued_people_are_told_and_it_is_tried_again(
    bridge: Bridge, clouds: Clouds, how: str
) -> None:
    served(clouds, 2, 30, now=True)
    served(clouds, 4, 40, now=True, as_="Challenger")
    endpoint = both_answer(clouds)
    getattr(clouds.stages, how).add(PROD)
    assert bridge.send(event := alarm("errors-challenger")) == ["0"]
    assert (endpoint.weight, deployed(clouds)) == (0.7, ["2"])
    assert bridge.names_of_hops() == ["received", "queued", "put off"]
    stuck, waits = (json.loads(one["Message"])["email"] for one in clouds.notices)
    assert "It still answers, and is tried again: " in stuck
    assert f"It still answers. Run 1 of {DEPLOY} takes it away" in waits
    getattr(clouds.stages, how).clear()
    assert bridge.send(event) == []
    assert (endpoint.weight, endpoint.challenger_weight, deployed(clouds)) == (1, 0, ["2"])
    assert "It answers nobody any more." in clouds.notices[-1]["Message"]


def test_traffic_falls_back_to_no_version_that_lost_its_approval(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 2, 30, "Rejected", now=True)
    served(clouds, 4, 40, now=True, as_="Challenger")
    endpoint = both_answer(clouds)
    assert bridge.send(alarm("errors-challenger")) == []
    assert (endpoint.weight, endpoint.challenger_weight, clouds.runs) == (0.7, 0.3, [])


def test_an_alarm_of_a_comparison_that_is_over_takes_nothing_away(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 2, 30, now=True)
    assert bridge.send(alarm("errors-challenger")) == []
    served(clouds, 4, 40, now=True, as_="Challenger")
    since = clouds.packages[f"{GROUP_ARN}/4"]["CustomerMetadataProperties"]
    since["prod_compared_at"] = "2026-11-20T10:00:01+00:00"
    assert bridge.send(alarm("errors-challenger", id="late")) == []
    assert (clouds.runs, bridge.names_of_hops()[-1]) == ([], "ignored")


def test_it_is_only_told_where_nobody_asked_for_more(bridge: Bridge, clouds: Clouds) -> None:
    clouds.said = {}
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, "Rejected", now=True)
    assert bridge.send(rejection(at)) == []
    assert bridge.reconcile() == 0
    assert clouds.runs == []
    assert [hop["hop"] for hop in bridge.hops() if hop["hop"] != "differs"] == ["received", "ignored"]
    assert f"Version 4 of {MODEL}" not in "".join(map(str, clouds.notices)), "a rule has told it"
    (told,) = [one for one in clouds.notices if one["Subject"].startswith(f"{MODEL}/4")]
    assert told["Subject"] == f"{MODEL}/4: is Rejected, and serves prod"


def test_where_none_served_before_a_person_must_decide(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 3, 35, "Rejected")
    at = served(clouds, 4, 40, "Rejected", now=True)
    register(clouds, 5, ModelLifeCycle={"Stage": "staging", "StageStatus": "InService"})
    served(clouds, 2, 20)
    clouds.packages[f"{GROUP_ARN}/2"]["CustomerMetadataProperties"]["prod_rolled_back"] = "run 21"
    assert bridge.send(rejection(at)) == []
    assert (clouds.runs, bridge.names_of_hops()[-1]) == ([], "noticed")
    bridge.reconcile()
    subject = f"Version 4 of {MODEL} is not approved, and serves prod"
    (text,) = [one["Message"] for one in clouds.notices if one["Subject"].endswith(subject)]
    assert f"Or: isthmus approve {MODEL} 4, if it may serve after all" in text


@pytest.mark.parametrize(
    ("status", "now", "fields"),
    [("Rejected", False, {}), ("Approved", True, {}), ("Rejected", True, {"UpdatedModelPackageFields": []})],
)
def test_what_serves_nothing_or_is_approved_again_or_was_edited_changes_nothing(
    bridge: Bridge, clouds: Clouds, status: str, now: bool, fields: dict[str, Any]
) -> None:
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, status, now=now)
    assert bridge.send(rejection(at, **fields)) == []
    assert (clouds.runs, bridge.names_of_hops()[-1]) == ([], "ignored")


def test_another_version_that_is_on_its_way_takes_its_place(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 1, 30)
    bridge.send(approval(5, at=register(clouds, 5, age=2000)))
    at = served(clouds, 4, 40, "Rejected", now=True)
    assert bridge.send(rejection(at)) == []
    clouds.runs[0]["status"] = "completed"
    assert deployed(clouds) == ["5"]
    assert bridge.send(rejection(at)) == []
    assert deployed(clouds) == ["5", "1"], "it did not take its place after all"


def test_an_approval_whose_event_is_late_goes_before_a_rollback(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 1, 30)
    register(clouds, 5, age=2999)
    at = served(clouds, 4, 40, "Rejected", now=True)
    assert bridge.send(rejection(at)) == []
    assert deployed(clouds) == ["5"]


def test_an_approval_after_a_rollback_is_deployed(bridge: Bridge, clouds: Clouds) -> None:
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, "Rejected", now=True)
    bridge.send(rejection(at))
    assert bridge.send(approval(4, at=repr((time.time() - 60) * 1000), id="again"), told=False) == ["0"]
    register(clouds, 4, age=60)
    assert bridge.send(approval(4, at=repr((time.time() - 60) * 1000), id="again")) == []
    assert deployed(clouds) == ["1", "4"]


@pytest.mark.parametrize("late", [False, True])
def test_wherever_lambda_dies_it_is_rolled_back_once(bridge: Bridge, clouds: Clouds, late: bool) -> None:
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, "Rejected", now=True)
    clouds.strike(None)
    bridge.send(rejection(at))
    for number in range(clouds.count):
        clouds.memory.clear()
        clouds.runs.clear()
        clouds.strike(Fault(at=number, late=late, deadly=True))
        bridge.send(rejection(at))
        clouds.strike(None)
        clouds.pass_time(360)
        assert bridge.send(rejection(at)) == [], number
        assert deployed(clouds) == ["1"], number
