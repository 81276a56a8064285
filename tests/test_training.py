"""Builds in both local clouds, when something comes between: a cancel, lost events, no bridge at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from isthmus import names
from isthmus.azure import callback, provision, runs
from isthmus.local.scene import lay
from isthmus.local.world import World
from tests.furnished import furnished


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("training")
    with furnished(lay(state / "scene"), state) as found:
        yield found


def automation(world: World, service: str) -> Any:
    """Whoever administers the automation account."""
    return world.local.root.client(service, world.platform.accounts.automation, world.platform.region)


def start(world: World) -> runs.Run:
    return runs.queue(world.client(), names.build_pipeline(world.model.name), {})


def jobs(world: World, run: runs.Run) -> dict[str, str]:
    """How each job of the run ended."""
    records = runs.timeline(world.client(), run.id)
    return {one["refName"]: one.get("result") or one["state"] for one in records if one["type"] == "Phase"}


def waiting(world: World) -> dict[str, str]:
    """The executions that the bridge knows jobs to wait for, by run."""
    items = automation(world, "dynamodb").scan(TableName=names.waiting(world.platform))["Items"]
    return {one["build"]["S"]: one["id"]["S"] for one in items}


def execution(world: World, run: runs.Run) -> str:
    """The execution that the run has started, once the bridge knows that a job waits for it."""
    return world.until(lambda: waiting(world).get(str(run.id)), "the job waits")


def status(world: World, arn: str) -> str:
    sagemaker = automation(world, "sagemaker")
    return str(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])


def look(world: World) -> None:
    """Have the bridge look after everything, as the rule on a schedule does every quarter of an hour."""
    account, region = world.platform.accounts.automation, world.platform.region
    tick = {
        "id": "tick-1",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": account,
        "region": region,
        "resources": [],
        "detail": {},
    }
    queue = f"https://sqs.{region}.amazonaws.com/{account}/{names.bridge(world.platform)}"
    automation(world, "sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(tick))


@contextmanager
def events_lost(world: World) -> Iterator[None]:
    """No event about an execution reaches the bridge."""
    events, rule = automation(world, "events"), f"{names.bridge(world.platform)}-executions"
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


def test_cancelling_a_run_stops_its_training(world: World) -> None:
    with world.acting("admin"):
        run = start(world)
        arn = execution(world, run)
        world.client().patch(f"build/builds/{run.id}", {"status": "cancelling"})
        assert world.ended(run).result == "canceled"
        assert jobs(world, run) == {
            "start": "succeeded",
            "wait": "canceled",
            "finish": "canceled",
            "stop": "succeeded",
        }
        world.until(lambda: status(world, arn) == "Stopped", "the execution has stopped")
        world.until(lambda: not waiting(world), "the bridge has forgotten the job")


def test_where_every_event_is_lost_the_reconciler_completes_the_job(world: World) -> None:
    with world.acting("admin"), events_lost(world):
        run = start(world)
        arn = execution(world, run)
        world.until(lambda: status(world, arn) == "Succeeded", "the execution has ended")
        assert jobs(world, run)["wait"] == "inProgress"
        look(world)
        ended = world.succeeded(run)
        assert jobs(world, ended)["wait"] == "succeeded"


def test_without_the_bridge_the_build_still_ends_as_it_should(world: World) -> None:
    with world.acting("admin"):
        provision.apply(world.platform, world.scene.folders, callback=f"{world.local.aws_url}/nowhere")
        run = world.succeeded(start(world))
        found = jobs(world, run)
        assert (found["wait"], found["finish"]) == ("succeededWithIssues", "succeeded")
        provision.apply(world.platform, world.scene.folders, callback=callback.url(world.platform))
