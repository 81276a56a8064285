"""Two models behind one endpoint, each deployed by its own pipeline: no deployment touches the other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus.config import Platform, Stage
from isthmus.errors import Problem, Refused
from isthmus.operate import redeploying
from isthmus.serving import look
from tests.deploy.conftest import CHECKOUT
from tests.deploy.platforms import base, cloud, issuer, platform
from tests.deploy.team import Team, done, gather
from tests.deploy.versions import FAILS, FAILURE, MODEL, Version
from tests.infra.conftest import Cloud
from tests.local.aws.test_deliveries import until
from tests.local.conftest import ACCOUNTS

__all__ = ["base", "cloud", "issuer", "platform"]
STAGING, OTHER, SHARED = ACCOUNTS["staging"], "seattle-wind", "small-models-shared"
ROWS = "wind,season\n1.0,wet\n-2.0,dry\n"
PART = {"copies": 2, "cpus": 0.5, "memory_mb": 512}
SCALED = {"cpus": 0.5, "memory_mb": 512} | {
    "scaling": {"min_copies": 3, "max_copies": 6, "invocations_per_copy": 9}
}
COPIES = {
    "ServiceNamespace": "sagemaker",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
# How fast this machine answers is not what is tested.
SLOW = {"p95_latency_ms": 60_000, "requests": 10}
# On a busy machine an answer takes as long as some minutes of a rollout here.
ROLLING = {"strategy": "rolling", "percent": 50, "bake_minutes": 20}


@pytest.fixture(scope="module")
def platform_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with another model, and two endpoints to share."""
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    repositories = {"build_repository": "wind-build", "deploy_repository": "wind-deploy"}
    content["models"].append({"name": OTHER, "owner": "wind@contoso.example", **repositories})
    content["shared_endpoints"] = [{"name": "small-models"}, {"name": "others"}]
    file = tmp_path_factory.mktemp("shared") / "platform.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@dataclass
class Sharing:
    """A team whose model shares an endpoint, and the runs that it has had."""

    team: Team
    scratch: Path
    assemblies: list[Path] = field(default_factory=list)

    @property
    def model(self) -> str:
        return self.team.model

    def configure(self, **more: Any) -> None:
        shared = {"endpoint": "small-models", "staging": PART}
        config = {"model": self.model, "endpoint": "shared", "shared": shared, "gates": SLOW} | more
        (self.team.repository / "deploy.yaml").write_text(yaml.safe_dump(config))

    def synth(self, version: Version) -> Path:
        folder = self.scratch / f"{self.model}-{len(self.assemblies)}"
        folder.mkdir()
        arn = self.team.registered(version, folder)
        self.team.approve(arn)
        self.assemblies.append(self.scratch / f"{self.model}-{len(self.assemblies)}-assembly")
        done(self.team.synth(arn, self.assemblies[-1]))
        return self.assemblies[-1]

    def apply(self, assembly: Path, stage: Stage = "staging") -> str:
        return done(self.team.apply(assembly, stage, f"run-{len(self.assemblies)}"))

    def client(self, service: str) -> Any:
        return self.team.cloud.aws.client(service, STAGING)

    def answer(self) -> list[float]:
        asked = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=SHARED, InferenceComponentName=self.model, Body=ROWS, ContentType="text/csv",
            Accept="text/csv",
        )  # fmt: skip
        return [round(float(one), 6) for one in asked["Body"].read().decode().splitlines()]


def of(slope: float) -> list[float]:
    return [round(Version(slope=slope).predict(wind), 6) for wind in (1.0, -2.0)]


@contextmanager
def asked_all_along(sharing: Sharing) -> Iterator[tuple[list[list[float]], list[str]]]:
    """Have a model asked until the end; gives its answers, and what failed."""
    answers: list[list[float]] = []
    failures: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(sharing.answer())
            except ClientError as error:
                failures.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    sharing.client("sagemaker-runtime")
    for thread in threads:
        thread.start()
    try:
        until(lambda: answers)
        yield answers, failures
        count = len(answers)
        until(lambda: answers[count + 2 :])
    finally:
        over.set()
        for thread in threads:
            thread.join()


def sharing_of(cloud: Cloud, platform: Platform, folder: Path, model: str, slope: float) -> Sharing:
    found = Sharing(gather(cloud, platform, folder, model), folder)
    found.configure()
    found.apply(found.synth(Version(slope=slope)))
    return found


@pytest.fixture(scope="module")
def rain(cloud: Cloud, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Sharing:
    return sharing_of(cloud, platform, tmp_path_factory.mktemp("rain"), MODEL, 1.0)


@pytest.fixture(scope="module")
def wind(cloud: Cloud, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Sharing:
    return sharing_of(cloud, platform, tmp_path_factory.mktemp("wind"), OTHER, 9.0)


def test_two_models_answer_on_one_endpoint(rain: Sharing, wind: Sharing) -> None:
    assert (rain.answer(), wind.answer()) == (of(1.0), of(9.0))
    sagemaker = rain.client("sagemaker")
    listed = sagemaker.list_inference_components(EndpointNameEquals=SHARED)["InferenceComponents"]
    assert {one["InferenceComponentName"] for one in listed} == {MODEL, OTHER}
    serving = look(sagemaker, MODEL, "staging")
    assert (serving.endpoint, serving.component, serving.size) == (SHARED, MODEL, "2 x (0.5 cpus, 512 MB)")


def test_the_command_line_and_the_gates_ask_the_model_that_is_meant(
    rain: Sharing, wind: Sharing, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    for sharing, slope in ((rain, 1.0), (wind, 9.0)):
        words = ("invoke", sharing.model, "--stage", "staging", "--data", str(tmp_path / "rows.csv"))
        said = done(sharing.team.operate(*words)).splitlines()
        assert [round(float(one), 6) for one in said] == of(slope)
    assert "✗" not in done(rain.team.gate(rain.assemblies[-1], "staging", tmp_path))


def test_what_nobody_asks_is_told_of_each_model(rain: Sharing, wind: Sharing) -> None:
    def idle() -> dict[str, str]:
        said = json.loads(done(rain.team.operate("idle", "--json")))["idle"]
        return {one["name"]: one["why"] for one in said if one["stage"] == "staging"}

    rain.answer()
    wind.answer()
    found = until(lambda: ((seen := idle()).keys().isdisjoint({MODEL, OTHER})) and seen)
    assert set(found) == {"others-shared"}
    assert found["others-shared"] == "asked nothing for 14 days"


def test_a_model_can_neither_ask_nor_change_the_other(rain: Sharing, wind: Sharing) -> None:
    deployer = rain.team.cloud.client("sagemaker", _session(rain.team))
    for call in (deployer.delete_inference_component, deployer.describe_inference_component):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(InferenceComponentName=OTHER)
    runtime = rain.team.cloud.client("sagemaker-runtime", _session(rain.team))
    with pytest.raises(ClientError, match=f"AccessDenied.*inference-component/{OTHER}"):
        runtime.invoke_endpoint(EndpointName=SHARED, InferenceComponentName=OTHER, Body=ROWS)


def _session(team: Team) -> dict[str, str]:
    held = team.deployer("staging")
    return {
        "AccessKeyId": held["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": held["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": held["AWS_SESSION_TOKEN"],
    }


def test_a_deployment_of_one_interrupts_neither(rain: Sharing, wind: Sharing) -> None:
    rain.configure(rollout={"staging": ROLLING})
    assembly = rain.synth(Version(slope=2.0))
    before = look(rain.client("sagemaker"), MODEL, "staging")
    with asked_all_along(rain) as (answers, failures), asked_all_along(wind) as (others, lost):
        said = rain.apply(assembly)
    assert (failures, lost) == ([], [])
    assert (answers[0], answers[-1]) == (of(1.0), of(2.0))
    assert all(one == of(9.0) for one in others)
    assert f"endpoint {SHARED} in staging runs" in said
    assert f"{before.endpoint_config}: deleted, it serves no more" in said


def test_a_bad_version_goes_back_by_its_alarm_and_the_run_says_why(rain: Sharing, wind: Sharing) -> None:
    bad = rain.synth(Version(slope=3.0, inference=FAILS))
    with asked_all_along(rain) as (answers, failures), asked_all_along(wind) as (others, lost):
        result = rain.team.apply(bad, "staging", "bad")
        answers.clear()
    assert isinstance(result.exception, Problem)
    assert "errors went off" in str(result.exception) and "version" in str(result.exception)
    assert answers and all(one == of(2.0) for one in answers)
    # Those of the bad version's own share.
    assert failures and all(FAILURE in one for one in failures)
    assert (lost, {tuple(one) for one in others}) == ([], {tuple(of(9.0))})


def test_what_runs_otherwise_than_it_shall_is_brought_back(rain: Sharing) -> None:
    sagemaker = rain.client("sagemaker")
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=MODEL, DesiredRuntimeConfig={"CopyCount": 5}
    )
    said = rain.apply(rain.assemblies[-2])
    assert "5 x (0.5 cpus, 512 MB) and not" in said and "updating it" in said
    assert look(sagemaker, MODEL, "staging").size == "2 x (0.5 cpus, 512 MB)"


def test_an_endpoint_that_is_not_the_platforms_is_named(rain: Sharing, tmp_path: Path) -> None:
    rain.configure(shared={"endpoint": "small-model"})
    result = rain.team.synth(
        json.loads((rain.assemblies[0] / "model-package.json").read_text())["arn"], tmp_path
    )
    assert isinstance(result.exception, Refused)
    for word in ("deploy.yaml:", "shared.endpoint", "did you mean 'small-models'"):
        assert word in str(result.exception)


def test_a_component_moves_to_no_other_endpoint(rain: Sharing) -> None:
    rain.configure(shared={"endpoint": "others"})
    result = rain.team.apply(rain.synth(Version(slope=2.0)), "staging", "moving")
    assert isinstance(result.exception, Refused)
    assert f"is on endpoint {SHARED}" in str(result.exception)
    assert rain.answer() == of(2.0)


def test_it_leaves_for_an_endpoint_of_its_own_and_comes_back(rain: Sharing, wind: Sharing) -> None:
    sagemaker = rain.client("sagemaker")
    (rain.team.repository / "deploy.yaml").write_text(yaml.safe_dump({"model": MODEL}))
    with asked_all_along(wind) as (_, lost):
        rain.apply(rain.synth(Version(slope=4.0)))
        with pytest.raises(ClientError, match="Could not find inference component"):
            sagemaker.describe_inference_component(InferenceComponentName=MODEL)
        assert look(sagemaker, MODEL, "staging").endpoint == MODEL
        rain.configure()
        rain.apply(rain.synth(Version(slope=5.0)))
    assert (lost, rain.answer()) == ([], of(5.0))
    assert look(sagemaker, MODEL, "staging").endpoint == SHARED


def test_status_lineage_and_rollback_know_whose_part_of_the_endpoint_it_is(
    rain: Sharing, wind: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    rain.configure()
    for run, slope in (("901", 6.0), ("902", 7.0)):
        done(rain.team.apply(rain.synth(Version(slope=slope)), "staging", run))
    before, now = (json.loads((one / "model-package.json").read_text()) for one in rain.assemblies[-2:])
    others = json.loads((wind.assemblies[-1] / "model-package.json").read_text())
    said = json.loads(done(rain.team.operate("status", "--json")))["endpoints"]
    serves = {one["model"]: (one["name"], one["version"]) for one in said if one["stage"] == "staging"}
    assert serves == {MODEL: (SHARED, str(now["version"])), OTHER: (SHARED, str(others["version"]))}
    traced = json.loads(done(rain.team.operate("lineage", MODEL, str(now["version"]), "--json")))
    deployed_to = {one["stage"]: one["endpoint"] for one in traced["deployments"]}
    assert deployed_to == {"staging": SHARED}
    asked: list[str] = []

    def queue(_: Any, wanted: Any, what: str, reason: str) -> Any:
        asked.append(wanted.arn)
        return SimpleNamespace(id=7)

    monkeypatch.setattr(redeploying, "queue", queue)
    words = ("rollback", MODEL, "--stage", "staging", "--reason", "tried")
    assert f"goes from version {now['version']} to {before['version']}" in done(rain.team.operate(*words))
    assert asked == [before["arn"]]


def test_copies_scale_by_what_they_are_asked_and_a_deployment_leaves_them_as_many(
    rain: Sharing, tmp_path: Path
) -> None:
    rain.configure(shared={"endpoint": "small-models", "staging": SCALED})
    rain.apply(rain.synth(Version(slope=8.0)))
    scaling, sagemaker = rain.client("application-autoscaling"), rain.client("sagemaker")
    (target,) = scaling.describe_scalable_targets(**COPIES)["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (
        f"inference-component/{MODEL}", 3, 6,
    )  # fmt: skip
    until(lambda: copies(sagemaker) == 3)
    (policy,) = scaling.describe_scaling_policies(**COPIES)["ScalingPolicies"]
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (tracked["TargetValue"], tracked["PredefinedMetricSpecification"]) == (
        9, {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"},
    )  # fmt: skip
    high = next(one["AlarmName"] for one in policy["Alarms"] if "AlarmHigh" in one["AlarmName"])
    # What the tests before have asked the component for counts too, so that this says how much it is now.
    asked = json.dumps({"recentDatapoints": [12.0]})
    rain.client("cloudwatch").set_alarm_state(
        AlarmName=high, StateValue="ALARM", StateReason="asked", StateReasonData=asked
    )
    until(lambda: copies(sagemaker) == 4)
    for assembly in (rain.synth(Version(slope=9.0)), rain.assemblies[-1]):
        assert "updating it" not in rain.apply(assembly)
        assert (rain.answer(), copies(sagemaker)) == (of(9.0), 4)
    assert "✗" not in done(rain.team.gate(rain.assemblies[-1], "staging", tmp_path))
    rain.configure()
    rain.apply(rain.synth(Version(slope=9.5)))
    assert not scaling.describe_scalable_targets(**COPIES)["ScalableTargets"]
    assert copies(sagemaker) == 2


def copies(sagemaker: Any) -> int:
    found = sagemaker.describe_inference_component(InferenceComponentName=MODEL)
    count: int = found["RuntimeConfig"]["CurrentCopyCount"]
    return count
