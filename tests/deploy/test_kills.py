"""Deployments to prod that are killed at random, again and again, while clients ask: none of them notices.

For each way to serve and to move traffic: a deployment is killed before or after any of its requests to the
clouds, its next run perhaps too, and the last one comes through. `benchmarks/kills.py` does so hundreds of
times; here it is done often enough to fail when a step cannot be taken twice.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus import asking, names
from isthmus.config.kinds import Kind
from isthmus.operate.accounts import Accounts
from isthmus.serving import look
from tests.deploy.conftest import CHECKOUT
from tests.deploy.platforms import base, cloud, issuer, platform
from tests.deploy.team import Team, done
from tests.deploy.test_interruptions import PROD, ROW, Clients, clients
from tests.deploy.test_lifecycle import team
from tests.deploy.versions import MODEL, Version
from tests.local.sagemaker.conftest import until

__all__ = ["base", "cloud", "issuer", "platform", "team"]
# Of one round, one step is killed by lot; of more, each.
ROUNDS = int(os.environ.get("ISTHMUS_KILLS_ROUNDS", "1"))
SEED = int(os.environ.get("ISTHMUS_KILLS_SEED", "5"))
# How often a run that goes on where another was killed is killed as well.
AGAIN = 0.5
# A deployment makes more requests than that; how many exactly, its waiting decides.
FEWEST = 20
FIRST, SECOND = Version(), Version(slope=3.0)
MACHINES = {"prod": {"instance_type": "ml.m5.large", "instance_count": 2}}
# That this machine may be slow turns nothing back.
OWN = {"capacity": MACHINES, "alarms": {"p95_latency_ms": 60_000}}
HOST = "small-models"


@dataclass(frozen=True)
class Way:
    """A way to serve, as deploy.yaml says it; one of an endpoint that nothing is compared on ends at home."""

    kind: Kind = "realtime"
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        own = OWN if self.kind == "realtime" else {}
        return {"model": MODEL, "endpoint": self.kind} | own | self.more


def stepwise(strategy: str) -> dict[str, Any]:
    return {"rollout": {"prod": {"strategy": strategy, "percent": 50, "bake_minutes": 3}}}


def beside(mode: str) -> dict[str, Any]:
    return {"compare": {"mode": mode, "percent": 30, "metric": "errors", "smallest_difference": 1}}


HOME = Way()
WAYS = {
    "canary": Way("realtime", stepwise("canary")),
    "linear": Way("realtime", stepwise("linear")),
    "ab": Way("realtime", beside("ab")),
    "shadow": Way("realtime", beside("shadow")),
    "serverless": Way("serverless", {"serverless": {"prod": {"memory_mb": 1024, "max_concurrency": 3}}}),
    "async": Way("async"),
    "batch": Way("batch", {"batch": {"on_arrival": True}}),
    "shared": Way("shared", {"shared": {"endpoint": HOST, "prod": {"copies": 2}}} | stepwise("rolling")),
}


@dataclass(frozen=True)
class Step:
    """A deployment to prod: the version that serves after it, and what the registry says of both."""

    name: str
    way: Way
    assembly: Path
    serves: Version
    states: tuple[str, str]
    words: tuple[str, ...] = ()


@dataclass
class Tally:
    """What was done to how many deployments, and what clients had of it."""

    seed: int = SEED
    steps: int = 0
    kills: int = 0
    before: int = 0
    answers: int = 0
    failures: int = 0


@pytest.fixture(scope="module")
def platform_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with an endpoint to share."""
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    file = tmp_path_factory.mktemp("sharing") / "platform.yaml"
    file.write_text(yaml.safe_dump(content | {"shared_endpoints": [{"name": HOST}]}))
    return file


Synth = Callable[..., Path]


@pytest.fixture(scope="module")
def versions(team: Team, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Both, registered and approved."""
    first, second = (team.registered(one, tmp_path_factory.mktemp("version")) for one in (FIRST, SECOND))
    for arn in (first, second):
        team.approve(arn)
    return first, second


@pytest.fixture(scope="module")
def synth(team: Team, versions: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Synth:
    """The assembly of a version by a way; the same one is made once."""
    made: dict[str, Path] = {}

    def make(arn: str, way: Way, *words: str) -> Path:
        if (key := repr((arn, way, words))) not in made:
            (team.repository / "deploy.yaml").write_text(yaml.safe_dump(way.config))
            made[key] = tmp_path_factory.mktemp("out") / "assembly"
            done(team.synth(arn, made[key], *words))
        return made[key]

    return make


@pytest.fixture
def steps(
    team: Team, versions: tuple[str, str], synth: Synth, request: pytest.FixtureRequest
) -> Iterator[list[Step]]:
    """Version 1 serves prod from an endpoint of its own; then version 2 by the way, and version 1 again."""
    way = WAYS[request.param]
    first, second = versions
    home = synth(first, HOME)
    done(team.apply(home, "prod", "41"))
    back = ("--rollback", "it is not")
    if "compare" in way.more:
        better = "it is better"
        alone = synth(second, HOME, "--alone", better)
        return [
            Step("beside", way, synth(second, way), FIRST, ("InService", "Challenger")),
            Step("promoted", HOME, alone, SECOND, ("Retired", "InService"), ("--promote", better)),
            Step("back", HOME, home, FIRST, ("InService", "Retired"), back),
        ]
    there = [
        Step("next", way, synth(second, way), SECOND, ("Retired", "InService")),
        Step("back", way, synth(first, way), FIRST, ("InService", "Retired"), back),
    ]
    return there + (
        [] if way.kind == "realtime" else [Step("home", HOME, home, FIRST, ("InService", "Retired"))]
    )


@pytest.fixture
def asks(team: Team) -> Callable[[], float]:
    """One request through the door that finds what serves, as people and the API ask."""
    accounts = Accounts(team.platform)
    bucket = names.capture_bucket(team.platform, PROD)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in team.cloud.laptop.items():
            patch.setenv(name, value)
        for service in ("sagemaker", "sagemaker-runtime", "s3"):
            accounts.client("prod", service)

    def ask() -> float:
        serving = look(accounts.client("prod", "sagemaker"), MODEL, "prod")
        runtime = asking.runtime(lambda service: accounts.client("prod", service), serving, MODEL, bucket)
        answer = runtime.invoke_endpoint(
            EndpointName=serving.endpoint,
            Body=ROW.encode(),
            ContentType="text/csv",
            Accept="text/csv",
            **serving.target,
        )
        return float(answer["Body"].read().decode().split()[-1])

    def ask_again() -> float:
        try:
            return ask()
        except ClientError as error:
            # Between the look and the request another took over, as the API's function takes it.
            if error.response["Error"]["Code"] not in ("AccessDeniedException", "ValidationError"):
                raise
            return ask()

    return ask_again


@pytest.mark.parametrize("steps", WAYS, indirect=True)
def test_whenever_a_deployment_is_killed_no_request_fails_and_nothing_is_left(
    team: Team,
    versions: tuple[str, str],
    steps: list[Step],
    asks: Callable[[], float],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    lot, tally = random.Random(f"{SEED} {request.node.name}"), Tally()
    requests = {step.name: FEWEST for step in steps}
    unlucky = lot.randrange(len(steps))
    with clients(asks) as asking:
        until(lambda: asking.answers, bool)
        for number, step in enumerate(steps * ROUNDS, 100):
            words = ["deploy", "apply", "--stage", "prod", "--assembly", str(step.assembly)]
            words += ["--run-id", str(number), *step.words]
            if number % len(steps) == unlucky or ROUNDS > 1:
                while killed(team, words, lot, requests[step.name], tmp_path / "count", tally):
                    if lot.random() > AGAIN:
                        break
            requests[step.name] = through(team, words, tmp_path / "count")
            tally.steps += 1
            assert tuple(states(team, versions)) == step.states, f"after {step.name}, {tally}"
            answered(asking, step)
            assert asking.failures == [], f"during {step.name}, {tally}"
            assert standing(team) == wanted(step), f"after {step.name}, {tally}"
    tally.answers, tally.failures = len(asking.answers), len(asking.failures)
    assert tally.kills and tally.answers > tally.steps
    if folder := os.environ.get("ISTHMUS_KILLS_FOUND"):
        (Path(folder) / f"{request.node.callspec.id}.json").write_text(json.dumps(asdict(tally)))


def answered(asking: Clients, step: Step) -> None:
    """Wait until the version that is to serve has answered what was asked when it did."""
    count, expected = len(asking.heard), step.serves.predict(1.5)

    def seen() -> list[float | str]:
        return [one for number, one in list(asking.heard.items()) if number > count]

    until(seen, lambda found: any(isinstance(one, str) or abs(one - expected) < 1e-6 for one in found))


@dataclass(frozen=True)
class Standing:
    """What there is of the model in prod: names, and how many of what is named after its content."""

    endpoints: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    configs: int = 0
    models: int = 1
    change_sets: int = 0


def wanted(step: Step) -> Standing:
    models = 2 if step.name == "beside" else 1
    if step.way.kind == "batch":
        return Standing(pipelines=(names.batch_pipeline(MODEL),))
    if step.way.kind == "shared":
        return Standing(components=(MODEL,))
    return Standing(endpoints=(names.endpoint(MODEL, step.way.kind),), configs=1, models=models)


def standing(team: Team) -> Standing:
    sagemaker, cfn = (team.cloud.aws.client(name, PROD) for name in ("sagemaker", "cloudformation"))
    shared = names.shared_endpoint(HOST)
    endpoints = (one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"])
    configs = {one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]}
    pipelines = (one["PipelineName"] for one in sagemaker.list_pipelines()["PipelineSummaries"])
    components = sagemaker.list_inference_components()["InferenceComponents"]
    waiting = cfn.list_change_sets(StackName=names.endpoint_stack(team.platform, MODEL, "prod"))["Summaries"]
    return Standing(
        tuple(one for one in endpoints if one != shared),
        tuple(one["InferenceComponentName"] for one in components),
        tuple(one for one in pipelines if one == names.batch_pipeline(MODEL)),
        len(configs - {sagemaker.describe_endpoint(EndpointName=shared)["EndpointConfigName"]}),
        len(sagemaker.list_models()["Models"]),
        sum(one["ExecutionStatus"] == "AVAILABLE" for one in waiting),
    )


def killed(team: Team, words: list[str], lot: random.Random, requests: int, file: Path, tally: Tally) -> bool:
    """Whether it was: it may have come through before its last moment."""
    when = lot.choice(["before", "after"])
    process = command(team, lot.randint(1, requests), when, file, words)
    said = process.communicate()[0].decode()
    assert process.returncode in (0, -9), said
    if process.returncode:
        tally.kills += 1
        tally.before += when == "before"
    return process.returncode == -9


def through(team: Team, words: list[str], file: Path) -> int:
    """Run it to its end; gives how many requests that took."""
    process = command(team, 0, "never", file, words)
    said = process.communicate()[0].decode()
    assert process.returncode == 0, said
    return int(file.read_text())


def command(team: Team, number: int, when: str, file: Path, words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.deploy.killed", str(number), when, str(file), *words],
        cwd=team.repository,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | dict(team.deployer("prod")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def states(team: Team, versions: tuple[str, str]) -> list[str]:
    return [str(team.package(arn)["ModelLifeCycle"]["StageStatus"]) for arn in versions]
