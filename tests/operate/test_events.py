"""`isthmus events`: the whole way of an event, from the registry to the deployments."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from isthmus.operate.show import EVENTS
from isthmus.operate.table import table
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import AUTOMATION, PROD, REGION, Aws
from tests.operate.conftest import MODEL, Shell, register

GROUP = "/aws/lambda/isthmus-bridge"
Log = Callable[..., None]


@pytest.fixture
def log(aws: Aws) -> Iterator[Log]:
    """Write hops into the bridge's log, which is empty before and gone after."""
    logs = aws.client("logs")
    if logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.delete_log_group(logGroupName=GROUP)
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")

    def write(*hops: dict[str, Any]) -> None:
        now = int(time.time() * 1000)
        lines = [{"timestamp": now, "message": json.dumps(hop)} for hop in hops]
        logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=lines)

    yield write
    logs.delete_log_group(logGroupName=GROUP)


@pytest.fixture
def version(aws: Aws) -> str:
    return register(aws, value=0.8, run_id="60")


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def approval(arn: str, changed: float) -> dict[str, Any]:
    """The event of an approval; EventBridge tells whole seconds."""
    return {
        "id": "e-1",
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "time": f"{datetime.fromtimestamp(changed, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "account": AUTOMATION,
        "region": REGION,
        "detail": {"ModelPackageArn": arn, "LastModifiedTime": int(changed * 1000)},
    }


def over_the_bridge(arn: str, changed: float, run: str) -> list[dict[str, Any]]:
    """In the queue 200 ms after it happened, with the bridge 50 ms later, the run queued 400 ms later."""
    about = {"correlation_id": "e-1", "event_type": "approval", "model": MODEL, "model_package_arn": arn}
    payload = json.dumps(approval(arn, changed))
    return [
        about | {"hop": "received", "at": changed + 0.25, "latency_ms": 50, "payload": payload},
        about | {"hop": "queued", "at": changed + 0.65, "latency_ms": 450, "run_id": run},
    ]


def test_an_approval_is_seen_from_the_registry_to_its_deployments(
    shell: Shell, aws: Aws, azure: StandIn, log: Log, version: str
) -> None:
    signed_in = {"AZURE_DEVOPS_URL": azure.organization_url, "AZURE_DEVOPS_TOKEN": azure.token("robin")}
    every = shell.json("status", **signed_in)["runs"]
    of_it = [one for one in every if one["parameters"].get("modelPackageArn", "").endswith("/1")]
    run = min(of_it, key=lambda one: int(one["id"]))  # others' tests deploy it as well
    changed = datetime.fromisoformat(run["queued"]).timestamp() - 0.9
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=version,
        CustomerMetadataProperties={
            "staging_run_id": str(run["id"]),
            "staging_at": iso(changed + 60)[:19] + "+00:00",
            "staging_endpoint": MODEL,
            # Another run has brought it there since: when this one did, nobody knows.
            "prod_run_id": "999",
            "prod_at": iso(changed + 120),
        },
    )
    log(*over_the_bridge(version, changed, str(run["id"])))
    # The stand-in's run deploys version 1; of this one the event and the registry tell.
    found = [one for one in shell.json("events") if one["correlation_id"] == "e-1"]
    assert [one["hop"] for one in found] == [
        "registry", "EventBridge", "in queue", "received", "queued", "staging"
    ]  # fmt: skip
    assert [one["after_ms"] for one in found[1:5]] == pytest.approx([0, 200, 50, 400], abs=2)
    assert found[0]["after_ms"] is None and found[0]["latency_ms"] == pytest.approx(-200, abs=2)
    assert found[5]["after_ms"] == pytest.approx(59_350, abs=1_000)
    assert found[5]["reason"] == f"endpoint {MODEL}"
    seen = [one["hop"] for one in shell.json("events", **signed_in) if one["correlation_id"] == "e-1"]
    assert seen == ["registry", "EventBridge", "in queue", "received", "queued", "run"]
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)


def test_what_is_sent_again_was_not_in_the_registry_again(shell: Shell, log: Log, version: str) -> None:
    changed = time.time() - 60
    first = over_the_bridge(version, changed, "7")
    again = [first[0] | {"at": changed + 30}, first[1] | {"at": changed + 30.1, "hop": "deduplicated"}]
    log(*first, *again)
    seen = [one["hop"] for one in shell.json("events") if one["correlation_id"] == "e-1"]
    assert seen == [
        "registry", "EventBridge", "in queue", "received", "queued", "in queue", "received", "deduplicated"
    ]  # fmt: skip


def test_an_event_shows_only_what_it_tells(shell: Shell, log: Log) -> None:
    now = time.time() - 60
    rang = datetime.fromtimestamp(now - 2, UTC)
    alarm = {
        "source": "aws.cloudwatch",
        "account": PROD,
        "time": f"{rang:%Y-%m-%dT%H:%M:%SZ}",
        "detail": {"state": {"timestamp": f"{rang:%Y-%m-%dT%H:%M:%S.%f}+0000"}},
    }
    due = {"source": "isthmus.schedule", "time": "soon", "detail": {}}
    for id_, event in {"alarm-1": alarm, "due-1": due}.items():
        about = {"correlation_id": id_, "model": MODEL, "payload": json.dumps(event)}
        log(about | {"hop": "received", "at": now, "latency_ms": 10})
    found = shell.json("events")
    hops = [one for one in found if one["correlation_id"] == "alarm-1"]
    assert [one["hop"] for one in hops] == ["alarm", "EventBridge", "in queue", "received"]
    assert hops[2]["after_ms"] == pytest.approx(1990, abs=2)
    assert [one["hop"] for one in found if one["correlation_id"] == "due-1"] == ["in queue", "received"]


def test_the_table_has_a_line_for_each_hop_and_its_latency(shell: Shell, log: Log, version: str) -> None:
    log(*over_the_bridge(version, time.time() - 60, "7"))
    lines = [line for line in shell.says("events").splitlines() if "e-1" in line]
    assert len(lines) == 5
    assert " 400 " in lines[-1]


def test_what_the_bridge_ignored_is_counted_and_shown_when_asked_for(shell: Shell, log: Log) -> None:
    about = {"correlation_id": "quiet-1", "event_type": "approval", "model": MODEL, "latency_ms": 1}
    log(*(about | {"hop": hop, "at": time.time() - 9} for hop in ("received", "ignored")))
    said = shell.says("events")
    assert "quiet-1" not in said
    assert "no event has started anything yet" in said
    assert "not shown: 1 event that the bridge ignored; with all: isthmus events --all" in said
    for words in (("--all",), ("--correlation-id", "quiet"), ("--json",)):
        told = shell.says("events", *words)
        assert "ignored" in told and "quiet-1" in told and "not shown" not in told


def test_a_models_name_is_whole_on_a_narrow_terminal() -> None:
    row = [
        "2026-11-20",
        "deduplicated",
        "quality alarm",
        "customer-churn-risk",
        "1234 succeeded",
        "1234",
        "id",
    ]
    out = Console(width=80, file=StringIO())
    out.print(table(EVENTS, [[*row, "run 7 retrained the model less than 24:00:00 before"]], 80))
    assert isinstance(out.file, StringIO) and "customer-churn-risk" in out.file.getvalue()
