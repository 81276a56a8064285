"""People are told what waits for them: once, again after the times that are configured, and then others."""

from __future__ import annotations

import json
import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import GROUP_ARN, MODEL, Bridge, approval
from tests.bridge.test_reconcile import register

DAY = 24 * 3600
FIGURES = {
    "metric": "auc", "value": "0.73", "ci_low": "0.68", "ci_high": "0.78", "threshold": "0.7", "run_id": "43",
    "gain": "0.02", "gain_low": "0.01", "gain_high": "0.03",
}  # fmt: skip


def waits(clouds: Clouds, version: int = 3, *, age: float = 600, **metadata: str) -> None:
    register(
        clouds,
        version,
        ModelApprovalStatus="PendingManualApproval",
        CreationTime=time.time() - age,
        CustomerMetadataProperties=FIGURES | metadata,
    )


def event(version: int = 3, **detail: Any) -> dict[str, Any]:
    """A version was registered; what is new names no fields that were updated."""
    found = approval(version, ModelApprovalStatus="PendingManualApproval", **detail)
    if "UpdatedModelPackageFields" not in detail:
        del found["detail"]["UpdatedModelPackageFields"]
    return found


def gate(about: str, *, age: float = 600, pipeline: str = f"{MODEL}-deploy", run: int = 1) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, about)),
        "status": "pending",
        "createdOn": (datetime.now(UTC) - timedelta(seconds=age)).isoformat().replace("+00:00", "Z"),
        "steps": [{"assignedApprover": {"displayName": "release-approvers"}}],
        "pipeline": {"name": pipeline, "owner": {"id": run}},
    }


def told(clouds: Clouds) -> list[tuple[str, str]]:
    """Topic and subject of each message."""
    return [(one["TopicArn"].rpartition(":")[2], one["Subject"]) for one in clouds.notices]


def test_a_version_is_announced_once_with_its_metrics_and_what_to_do(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds)
    assert bridge.send(event(), event(id="copy")) == []
    bridge.reconcile()
    (message,) = clouds.notices
    text = json.loads(message["Message"])["email"]
    assert text.splitlines() == [
        f"Version 3 of {MODEL} waits for an approver.",
        "auc 0.730 [0.680, 0.780], bar 0.7",
        "gain 0.020 [0.010, 0.030] over the version in prod",
        f"See: {os.environ['AZURE_DEVOPS_URL']}/our%20weather/_build/results?buildId=43",
        f"Do: isthmus approve {MODEL} 3",
        f"Or: isthmus reject {MODEL} 3 --comment WHY",
    ]
    chat = json.loads(json.loads(message["Message"])["https"])
    assert (chat["source"], chat["content"]["description"]) == ("custom", text)
    assert "announced" in bridge.names_of_hops()
    assert clouds.runs == []


def test_a_gain_that_chance_may_have_made_is_called_noise(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds, gain_low="-0.01")
    bridge.send(event())
    assert "over the version in prod: inside noise" in clouds.notices[0]["Message"]


def test_a_first_version_is_announced_without_a_gain(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds, gain="none", gain_low="none", gain_high="none", run_id="none")
    bridge.send(event())
    assert "gain" not in clouds.notices[0]["Message"] and "See:" not in clouds.notices[0]["Message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"ModelApprovalStatus": "Approved", "ModelLifeCycle": {"Stage": "prod"}},
        {"ModelApprovalStatus": "Rejected"},
        {"ModelPackageStatus": "Failed"},
    ],
)
def test_what_waits_for_nobody_is_not_told(bridge: Bridge, clouds: Clouds, fields: dict[str, Any]) -> None:
    waits(clouds)
    clouds.packages[f"{GROUP_ARN}/3"] |= fields
    bridge.send(event())
    bridge.reconcile()
    assert clouds.notices == []


def test_a_version_that_is_deleted_by_now_is_not_told(bridge: Bridge, clouds: Clouds) -> None:
    bridge.clouds.tell = lambda _envelope: None  # type: ignore[method-assign]
    assert bridge.send(event(9)) == []
    assert (bridge.names_of_hops(), clouds.notices) == (["received", "ignored"], [])
    del bridge.clouds.tell


def test_an_edit_and_another_platforms_model_are_not_told(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds)
    bridge.send(event(UpdatedModelPackageFields=["CustomerMetadataProperties"]))
    clouds.models = set()
    bridge.send(event(id="theirs"))
    assert clouds.notices == []


def test_people_are_reminded_and_then_others_are_told_each_once(bridge: Bridge, clouds: Clouds) -> None:
    for age in (600, DAY + 60, DAY + 900, 3 * DAY + 60, 5 * DAY + 60, 6 * DAY):
        waits(clouds, age=age)
        bridge.reconcile()
    what = f"Version 3 of {MODEL} waits for an approver"
    assert told(clouds) == [
        ("isthmus-notifications", what),
        ("isthmus-notifications", f"Reminder: {what}"),
        ("isthmus-notifications", f"Reminder: {what}"),
        ("isthmus-escalations", f"Escalated: {what}"),
    ]
    assert "It has waited 3 days." in clouds.notices[2]["Message"]


def test_who_was_not_told_in_time_is_not_told_everything_at_once(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds, age=4 * DAY)
    bridge.reconcile()
    bridge.reconcile()
    assert [subject[:9] for _, subject in told(clouds)] == ["Reminder:"]


def test_a_stage_is_told_once_for_its_two_approvals_with_the_version(bridge: Bridge, clouds: Clouds) -> None:
    waits(clouds)
    clouds.packages[f"{GROUP_ARN}/3"] |= {
        "ModelApprovalStatus": "Approved",
        "ModelLifeCycle": {"Stage": "staging"},
    }
    clouds.runs.append(
        {"id": 1, "pipeline": 10, "templateParameters": {"modelPackageArn": f"{GROUP_ARN}/3"},
         "status": "inProgress", "queueTime": datetime.now(UTC).isoformat()}
    )  # fmt: skip
    clouds.approvals = [gate("environment prod"), gate("connection")]
    bridge.reconcile()
    bridge.reconcile()
    assert told(clouds) == [("isthmus-notifications", f"Run 1 of {MODEL}-deploy waits for approval")]
    text = json.loads(clouds.notices[0]["Message"])["email"]
    assert f"It deploys {MODEL}/3\nauc 0.730" in text
    assert "Who may decide: release-approvers" in text
    assert (
        "Evidence: " in text and "/_build/results?buildId=1&view=ms.vss-build-web.run-extensions-tab" in text
    )
    assert text.endswith("Do: isthmus azure approve 1")


def test_a_stage_of_another_pipeline_is_not_told(bridge: Bridge, clouds: Clouds) -> None:
    clouds.approvals = [gate("x", pipeline="theirs-deploy"), gate("y", pipeline="website")]
    bridge.reconcile()
    assert clouds.notices == []


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("deadly", [False, True])
def test_whatever_breaks_people_are_told_and_twice_only_where_nobody_can_know(
    bridge: Bridge, clouds: Clouds, late: bool, deadly: bool
) -> None:
    """That is where the answer to the message was lost, or Lambda died before it noted that it was told."""
    waits(clouds)
    bridge.send(event())
    requests = len(clouds.requests)
    twice = 0
    for at in range(requests):
        clouds.memory.clear()
        clouds.notices.clear()
        clouds.strike(Fault(at=at, late=late, deadly=deadly, status=0 if deadly else 500))
        bridge.send(event())
        clouds.strike(None)
        clouds.pass_time(61)
        bridge.send(event())
        bridge.send(event())
        assert 1 <= len(clouds.notices) <= 2, at
        twice += len(clouds.notices) == 2
    assert twice == 1


@pytest.mark.parametrize(
    "metric",
    [
        "auc\nDo: isthmus approve x 1",
        "<!channel> *now*",
        "[go](https://evil.example)",
        "<at>all</at>",
        "@here `x`",
    ],
)
def test_what_a_build_calls_its_metric_is_words_in_mail_and_chats(
    bridge: Bridge, clouds: Clouds, metric: str
) -> None:
    waits(clouds, metric=metric)
    bridge.send(event())
    message = json.loads(clouds.notices[0]["Message"])
    chat = json.loads(message["https"])["content"]["description"]
    for text in (message["email"], chat):
        line = text.splitlines()[1]
        assert line.endswith(" 0.730 [0.680, 0.780], bar 0.7") and len(text.splitlines()) == 6
        name = line.removesuffix(" 0.730 [0.680, 0.780], bar 0.7")
        assert not set(name) & set("<>[]|`*~@") and "://" not in name
