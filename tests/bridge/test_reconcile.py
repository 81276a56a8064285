"""Events that never came: the registry is compared with the runs."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import GROUP_ARN, MODEL, Bridge, Context, approval

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
    assert bridge.reconcile() == {"queued": 1}
    assert bridge.reconcile() == {"queued": 0}
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
    assert bridge.reconcile() == {"queued": 2}
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["4", "3"]


def test_what_a_later_approval_overtook_stays(bridge: Bridge, clouds: Clouds) -> None:
    bridge.send(approval(4, at=register(clouds, 4, age=500)))
    register(clouds, 3, age=1000)
    assert bridge.reconcile() == {"queued": 0}
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["4"]


@pytest.mark.parametrize(
    "fields",
    [
        {"ModelApprovalStatus": "PendingManualApproval"},
        {"ModelApprovalStatus": "Rejected"},
        {"ModelPackageStatus": "Failed"},
        {"ModelLifeCycle": {"Stage": "prod", "StageStatus": "InService"}},
        {"LastModifiedTime": None},
        {"CreationTime": round(time.time() - 3600, 3), "LastModifiedTime": round(time.time() - 3600, 3)},
        {"age": 10},
        {"age": 30 * 24 * 3600},
    ],
)
def test_what_waits_for_no_run_gets_none(bridge: Bridge, clouds: Clouds, fields: dict[str, Any]) -> None:
    register(clouds, 3, **fields)
    assert bridge.reconcile() == {"queued": 0}
    assert clouds.runs == []


def test_what_does_not_fit_into_a_call_is_left_for_the_next(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    with patch.object(Context, "get_remaining_time_in_millis", lambda _: 14_000):
        assert bridge.reconcile() == {"queued": 0}
    assert bridge.reconcile() == {"queued": 1}


def test_what_waits_cannot_be_listed_and_the_models_are_looked_after(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    slow = patch("bridge.waiting.every", side_effect=RuntimeError("slow down"))
    with slow, pytest.raises(RuntimeError, match="slow down"):
        bridge.reconcile()
    assert len(clouds.runs_of(DEPLOY)) == 1


def test_a_failure_is_an_error_and_no_other_model_suffers(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    del clouds.pipelines["other-deploy"]
    with pytest.raises(Exception, match="0 pipelines are called other-deploy"):
        bridge.reconcile()
    assert len(clouds.runs_of(DEPLOY)) == 1
    assert sorted(bridge.names_of_hops()) == ["failed", "queued"]


def test_a_lost_answer_does_not_double(bridge: Bridge, clouds: Clouds) -> None:
    register(clouds, 3)
    bridge.reconcile()
    queueing = max(number for number, (_, url) in enumerate(clouds.requests) if "/runs?" in url)
    register(clouds, 4, age=600)
    for fault in (Fault(at=at, late=True) for at in range(queueing + 2)):
        clouds.strike(fault)
        try:
            bridge.reconcile()
        except Exception:  # noqa: BLE001  the next one tries again
            continue
        finally:
            clouds.later_ms += 60_000
    clouds.strike(None)
    bridge.reconcile()
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3", "4"]
