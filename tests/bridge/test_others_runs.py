"""Whoever may queue a pipeline may give its runs any parameters: none of theirs silences what is to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.bridge.clouds import BRIDGE, Clouds
from tests.bridge.conftest import GROUP_ARN, MODEL, Bridge, alarm, approval
from tests.bridge.test_automatic import EXECUTION, retrained, version
from tests.bridge.test_pending import event
from tests.bridge.test_reconcile import register
from tests.bridge.test_rollbacks import deployed, rejection, served

DEPLOY, BUILD = f"{MODEL}-deploy", f"{MODEL}-build"
MALLORY = {"id": "6d616c6c-0000-4000-8000-0000006f7279"}
# As oneself; in the bridge's name, which one may be allowed to; and of a build that says of neither.
ASKED: dict[str, dict[str, Any]] = {
    "as oneself": {"requestedFor": MALLORY, "requestedBy": MALLORY},
    "in the bridge's name": {"requestedFor": BRIDGE, "requestedBy": MALLORY},
    "for oneself by the bridge": {"requestedFor": MALLORY, "requestedBy": BRIDGE},
    "by nobody": {},
}
asked_by = pytest.mark.parametrize("by", ASKED.values(), ids=ASKED)


def queue(
    clouds: Clouds, pipeline: str, by: dict[str, Any], *, status: str = "completed", **parameters: str
) -> None:
    """Somebody queues a run just now, and cancels it at once unless it is to go on."""
    run = {"id": len(clouds.runs) + 1, "pipeline": clouds.pipelines[pipeline], "status": status}
    now = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    clouds.runs.append(run | {"templateParameters": parameters, "queueTime": now} | by)


def by_bridge(clouds: Clouds) -> list[str]:
    """The versions that the bridge has deployed."""
    runs = [run for run in clouds.runs if run.get("requestedBy") == run.get("requestedFor") == BRIDGE]
    return [run["templateParameters"]["modelPackageArn"].rpartition("/")[2] for run in runs]


@asked_by
@pytest.mark.parametrize("key", ["{arn}/9#2999-01-01T00:00:00.000Z", "{arn}/3#{at}"])
def test_a_cancelled_run_with_a_key_silences_no_approval(
    bridge: Bridge, clouds: Clouds, by: dict[str, Any], key: str
) -> None:
    event = approval(3)
    at = event["detail"]["LastModifiedTime"].replace("Z", "+00:00")
    forged = {"approvalKey": key.format(arn=GROUP_ARN, at=at), "modelPackageArn": f"{GROUP_ARN}/9"}
    queue(clouds, DEPLOY, by, **forged, correlationId="reconciler-x")
    assert bridge.send(event) == []
    assert by_bridge(clouds) == ["3"]
    assert bridge.names_of_hops()[-1] == "queued"


@asked_by
def test_nor_one_whose_event_never_came(bridge: Bridge, clouds: Clouds, by: dict[str, Any]) -> None:
    register(clouds, 3)
    forged = {"approvalKey": f"{GROUP_ARN}/9#2999-01-01T00:00:00.000Z"}
    queue(clouds, DEPLOY, by, **forged, modelPackageArn=f"{GROUP_ARN}/3")
    assert bridge.reconcile() == 1
    assert by_bridge(clouds) == ["3"]


def test_a_persons_run_that_goes_on_does_what_is_missing(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    queue(clouds, DEPLOY, ASKED["as oneself"], status="inProgress", modelPackageArn=f"{GROUP_ARN}/3")
    assert bridge.reconcile() == 0


@asked_by
@pytest.mark.parametrize(("other", "rolled_back"), [("5", ["5", "1"]), ("1", ["1"])])
def test_only_a_run_that_rolls_back_takes_the_place_of_the_bridges(
    bridge: Bridge, clouds: Clouds, by: dict[str, Any], other: str, rolled_back: list[str]
) -> None:
    clouds.said = {MODEL: {"rollback_rejected": True}}
    served(clouds, 1, 30)
    at = served(clouds, 4, 40, "Rejected", now=True)
    queue(clouds, DEPLOY, by, status="inProgress", modelPackageArn=f"{GROUP_ARN}/{other}")
    assert bridge.send(rejection(at)) == []
    assert deployed(clouds) == rolled_back


@asked_by
def test_no_retraining_rests_after_theirs_or_is_counted_with_them(
    bridge: Bridge, clouds: Clouds, by: dict[str, Any]
) -> None:
    clouds.said = {MODEL: {"retraining": {"when": ["quality"], "rest_hours": 24, "most_per_month": 1}}}
    queue(clouds, BUILD, by, reason="retrain")
    found = alarm()
    found["detail"]["state"]["timestamp"] = datetime.now(UTC).isoformat()
    assert bridge.send(found) == []
    assert bridge.names_of_hops()[-1] == "queued"


@asked_by
def test_their_run_with_the_key_of_a_retraining_is_not_approved_by_rule(
    bridge: Bridge, clouds: Clouds, by: dict[str, Any]
) -> None:
    found = alarm()
    key = f"{found['resources'][0]}#2026-11-20T10:00:00.500+00:00"
    queue(clouds, BUILD, by, reason="retrain", triggerKey=key, correlationId=found["id"])
    retrained(bridge, clouds, found)
    assert clouds.runs_of(BUILD)[-1]["triggerKey"] == key
    clouds.jobs.executions[EXECUTION] = {"PipelineExecutionDisplayName": "run-1"}
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
