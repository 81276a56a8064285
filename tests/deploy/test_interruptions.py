"""Whatever interrupts a deployment, what served goes on serving; the next goes on, and nothing is left.

Clients ask prod all along: a failed request is one of theirs.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from isthmus import names
from isthmus.deploy import apply as applying
from isthmus.deploy.turned_back import TurnedBack
from isthmus.errors import Problem
from tests.deploy.team import Team, done
from tests.deploy.test_lifecycle import cloud, issuer, new_version, team
from tests.deploy.versions import CANNOT_START, FAILS, FAILURE, MODEL, Version
from tests.local.conftest import ACCOUNTS
from tests.local.sagemaker.conftest import until

__all__ = ["cloud", "issuer", "new_version", "team"]
PROD = ACCOUNTS["prod"]
# One instance of five.
PERCENT = 20
ROW = "wind,season\n1.5,wet\n"
Make = Callable[[Version], tuple[str, Path]]


class Clients:
    """What prod's clients were answered: what the model said, or why it failed, by the order of asking."""

    def __init__(self, asks: Callable[[], float]) -> None:
        self.asks = asks
        self.numbers = itertools.count()
        self.heard: dict[int, float | str] = {}
        self.over = threading.Event()

    @property
    def answers(self) -> list[float]:
        return [one for one in list(self.heard.values()) if isinstance(one, float)]

    @property
    def failures(self) -> list[str]:
        return [one for one in list(self.heard.values()) if isinstance(one, str)]

    def ask(self) -> None:
        while not self.over.is_set():
            number = next(self.numbers)
            try:
                self.heard[number] = self.asks()
            except (BotoCoreError, ClientError, Problem) as error:
                self.heard[number] = str(error)
            self.over.wait(0.01)


def asks(team: Team) -> Callable[[], float]:
    """A request of the realtime endpoint by an operator; gives the model's answer."""
    operator = team.cloud.person(PROD, names.operator_role(team.platform))
    runtime = team.cloud.client("sagemaker-runtime", operator)

    def ask() -> float:
        answer = runtime.invoke_endpoint(EndpointName=MODEL, ContentType="text/csv", Body=ROW)
        return float(answer["Body"].read().decode().split()[-1])

    return ask


@contextmanager
def clients(asks: Callable[[], float], number: int = 2) -> Iterator[Clients]:
    found = Clients(asks)
    threads = [threading.Thread(target=found.ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.over.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def first(team: Team, new_version: Make) -> tuple[str, Path]:
    """Version 1, in prod. That this machine may be slow turns nothing back."""
    file = team.repository / "deploy.yaml"
    file.write_text(file.read_text() + "\nalarms: {p95_latency_ms: 60000}\n")
    arn, assembly = new_version(Version())
    done(team.apply(assembly, "prod", "41"))
    return arn, assembly


@pytest.fixture(scope="module")
def second(first: tuple[str, Path], new_version: Make) -> tuple[str, Path]:
    return new_version(Version(slope=3.0))


@pytest.fixture
def serving(team: Team, first: tuple[str, Path]) -> Iterator[Clients]:
    """Version 1 serves, and is asked while the test goes on; no request may fail."""
    done(team.apply(first[1], "prod", "41"))
    with clients(asks(team)) as asking:
        until(lambda: asking.answers, bool)
        yield asking
    assert asking.failures == []
    assert len(asking.answers) > 10


@pytest.fixture
def canary(team: Team) -> Iterator[Callable[..., None]]:
    """What is synthesized when it was called gets a part of the traffic at first, watched by more alarms."""
    file = team.repository / "deploy.yaml"
    text = file.read_text()

    def ask(*alarms: dict[str, Any]) -> None:
        rollout = {"strategy": "canary", "percent": PERCENT, "bake_minutes": 5, "alarms": alarms}
        written = text
        for old, new in (
            ("{ strategy: canary, percent: 50, bake_minutes: 5 }", json.dumps(rollout)),
            ("instance_count: 2", "instance_count: 5"),
        ):
            assert written.count(old) == 1
            written = written.replace(old, new)
        file.write_text(written)

    yield ask
    file.write_text(text)


def config_of(team: Team) -> str:
    return str(described(team)["EndpointConfigName"])


def left(team: Team) -> tuple[int, int, int]:
    """How many endpoint configurations, models and change sets that wait there are."""
    sagemaker, cfn = (team.cloud.aws.client(name, PROD) for name in ("sagemaker", "cloudformation"))
    stack = names.endpoint_stack(team.platform, MODEL, "prod")
    change_sets = cfn.list_change_sets(StackName=stack)["Summaries"]
    return (
        len(sagemaker.list_endpoint_configs()["EndpointConfigs"]),
        len(sagemaker.list_models()["Models"]),
        sum(one["ExecutionStatus"] == "AVAILABLE" for one in change_sets),
    )


@pytest.mark.parametrize(
    ("version", "runs", "words"),
    [
        (Version(inference=CANNOT_START), ("50", "51"), ("no such slope", "pass the ping health check")),
        (Version(cut=100), ("49",), ("Could not extract model data at s3://", "model.tar.gz")),
    ],
    ids=["raises", "cut in half"],
)
def test_a_version_that_cannot_start_is_red_and_says_what_serves(
    team: Team,
    serving: Clients,
    first: tuple[str, Path],
    new_version: Make,
    version: Version,
    runs: tuple[str, ...],
    words: tuple[str, str],
) -> None:
    before = config_of(team)
    arn, assembly = new_version(version)
    for run in runs:
        problem = team.apply(assembly, "prod", run).exception
        assert isinstance(problem, TurnedBack)
        assert all(word in str(problem) for word in words)
        assert "now:   version 1 serves; the endpoint is InService" in str(problem)
    assert config_of(team) == before
    assert words[0].partition(":")[0] in team.package(arn)["CustomerMetadataProperties"]["prod_turned_back"]
    assert team.package(first[0])["ModelLifeCycle"]["StageStatus"] == "InService"
    assert left(team) == (1, 1, 0)


def test_a_version_that_fails_is_turned_back_and_fails_its_share_of_the_canary_alone(
    team: Team, first: tuple[str, Path], new_version: Make, canary: Callable[..., None]
) -> None:
    done(team.apply(first[1], "prod", "41"))
    canary()
    before, (arn, assembly) = config_of(team), new_version(Version(inference=FAILS))
    with clients(asks(team), 8) as asking:
        until(lambda: asking.answers, bool)
        problem = team.apply(assembly, "prod", "52").exception
        over = len(asking.heard)
        until(lambda: len(asking.heard), lambda count: count > over + 20)
    assert isinstance(problem, TurnedBack)
    assert f"alarm {team.platform.name}-{MODEL}-" in problem.reason and "-errors went off" in problem.reason
    assert "Threshold Crossed" in problem.reason
    assert "now:   version 1 serves" in str(problem)
    assert config_of(team) == before
    assert "-errors went off" in team.package(arn)["CustomerMetadataProperties"]["prod_turned_back"]
    assert left(team) == (1, 1, 0)
    # Version 1 answered all that it was asked; what failed is what the new version was asked.
    assert {round(one, 6) for one in asking.answers} == {round(Version().predict(1.5), 6)}
    assert [one for one in asking.failures if FAILURE not in one] == []
    failed = sorted(number for number, one in asking.heard.items() if isinstance(one, str))
    assert failed
    # No more than its share of what was asked meanwhile, and five standard deviations for chance.
    asked, share = failed[-1] - failed[0] + 1, PERCENT / 100
    assert len(failed) <= share * asked + 5 * math.sqrt(share * (1 - share) * asked)


def test_an_alarm_of_the_models_own_turns_a_version_back_and_no_request_fails(
    team: Team, serving: Clients, new_version: Make, canary: Callable[..., None]
) -> None:
    metric = {"namespace": "Forecasts", "metric": "Complaints", "dimensions": {"Model": MODEL}}
    canary({"name": "complaints", "above": 0, **metric})
    before, (_, assembly) = config_of(team), new_version(Version(slope=5.0))
    process = started(team, assembly)
    expected = Version(slope=5.0).predict(1.5)
    until(lambda: [one for one in serving.answers if abs(one - expected) < 1e-6], bool)
    dimensions = [{"Name": "Model", "Value": MODEL}]
    team.cloud.aws.client("cloudwatch", PROD).put_metric_data(
        Namespace="Forecasts", MetricData=[{"MetricName": "Complaints", "Dimensions": dimensions, "Value": 1}]
    )
    said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 1
    assert "-complaints went off" in said and "now:   version 1 serves" in said
    assert config_of(team) == before
    assert left(team) == (1, 1, 0)


@pytest.mark.parametrize("said", ["changing", "Updating", "Baking"])
def test_a_deployment_that_is_killed_is_taken_up_by_the_next(
    team: Team, serving: Clients, second: tuple[str, Path], said: str
) -> None:
    arn, assembly = second
    process = started(team, assembly)
    if said == "changing":
        assert process.stdout is not None
        until(lambda: process.stdout.readline().decode(), lambda line: said in line)  # type: ignore[union-attr]
    else:
        until(lambda: json.dumps(described(team), default=str), lambda found: said in found)
    process.kill()
    process.wait()
    done(team.apply(assembly, "prod", "54"))
    assert team.package(arn)["ModelLifeCycle"]["StageStatus"] == "InService"
    assert left(team) == (1, 1, 0)
    expected = Version(slope=3.0).predict(1.5)
    until(lambda: serving.answers[-1], lambda answer: abs(answer - expected) < 1e-6)


def described(team: Team) -> dict[str, Any]:
    found: dict[str, Any] = team.cloud.aws.client("sagemaker", PROD).describe_endpoint(EndpointName=MODEL)
    return found


def started(team: Team, assembly: Path) -> subprocess.Popen[bytes]:
    words = ["deploy", "apply", "--stage", "prod", "--assembly", str(assembly), "--run-id", "53"]
    return subprocess.Popen(
        [str(Path(sys.prefix) / "bin" / "isthmus"), *words],
        cwd=team.repository,
        env=os.environ | dict(team.deployer("prod")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_credentials_that_end_meanwhile_stop_nothing_and_the_next_run_goes_on(
    team: Team, serving: Clients, second: tuple[str, Path]
) -> None:
    arn, assembly = second
    iam, role = team.cloud.aws.client("iam", PROD), names.deploy_role(team.platform, MODEL)
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    process = started(team, assembly)
    until(lambda: described(team)["EndpointStatus"], lambda status: status == "Updating")
    iam.put_role_policy(RoleName=role, PolicyName="revoked", PolicyDocument=policy)
    try:
        assert process.wait(60) in (1, 4)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="revoked")
    assert process.stdout is not None
    assert b"Traceback" not in process.stdout.read()
    done(team.apply(assembly, "prod", "55"))
    assert team.package(arn)["ModelLifeCycle"]["StageStatus"] == "InService"
    assert left(team) == (1, 1, 0)


def test_what_runs_besides_what_was_deployed_is_red_and_then_repaired(
    team: Team,
    serving: Clients,
    first: tuple[str, Path],
    second: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SageMaker goes back in silence, after CloudFormation has reported success."""
    arn, assembly = second
    before, sagemaker = config_of(team), team.cloud.aws.client("sagemaker", PROD)
    deploy_stack = applying.deploy_stack

    def deploy_and_go_back(*given: Any, **more: Any) -> Any:
        outputs = deploy_stack(*given, **more)
        sagemaker.update_endpoint(EndpointName=MODEL, EndpointConfigName=before)
        return outputs

    with monkeypatch.context() as patch:
        patch.setattr(applying, "deploy_stack", deploy_and_go_back)
        problem = team.apply(assembly, "prod", "56").exception
    assert isinstance(problem, TurnedBack)
    assert "now:   version 1 serves" in str(problem)
    assert config_of(team) == before
    said = done(team.apply(assembly, "prod", "57"))
    assert f"runs {before} and not" in said
    assert f"endpoint {MODEL} in prod runs {arn}" in said
    assert left(team) == (1, 1, 0)
    # And back to what had stayed in silence.
    with monkeypatch.context() as patch:
        patch.setattr(applying, "deploy_stack", deploy_and_go_back)
        said = done(team.apply(first[1], "prod", "58"))
    assert f"endpoint {MODEL} in prod runs {first[0]}" in said
    assert config_of(team) == before
    assert left(team) == (1, 1, 0)


def test_what_cloudformation_may_not_do_is_said_and_the_next_attempt_goes_through(
    team: Team, serving: Clients, second: tuple[str, Path]
) -> None:
    iam, role = team.cloud.aws.client("iam", PROD), names.cloudformation_role(team.platform, MODEL)
    deny = {"Effect": "Deny", "Action": ["sagemaker:UpdateEndpoint"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="revoked", PolicyDocument=policy)
    try:
        problem = team.apply(second[1], "prod", "60").exception
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="revoked")
    assert isinstance(problem, TurnedBack)
    assert "not authorized to perform: sagemaker:UpdateEndpoint" in problem.reason
    assert "now:   version 1 serves" in str(problem)
    assert f"endpoint {MODEL} in prod runs {second[0]}" in done(team.apply(second[1], "prod", "62"))
    assert left(team) == (1, 1, 0)
