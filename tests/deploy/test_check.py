"""`isthmus deploy check`: what is wrong in a deploy repository is told before anybody deploys from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import CHECKOUT, REPOSITORY

UNTAGGED = """
import sys
from pathlib import Path
from aws_cdk import Stack
from aws_cdk.aws_s3 import Bucket
from isthmus.config import read_deploy, read_platform
from isthmus.deploy.app import application
app = application(read_platform(), read_deploy(), Path(sys.argv[1]))
Bucket(Stack(app, "mine"), "bare")
app.synth()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY, tmp_path / "repository"))


def check(repository: Path, *more: str, platform: Path = CHECKOUT / "platform.yaml") -> tuple[int, str]:
    """In a process without any variable of a cloud, as a job without a service connection."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AZURE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "isthmus", "deploy", "check", *more],
        cwd=repository,
        env=clean | {"ISTHMUS_PLATFORM": str(platform), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_example_passes_without_a_cloud(repository: Path) -> None:
    code, said = check(repository, "--model", "seattle-rain")
    assert code == 0, said
    assert said.splitlines() == [
        "deploy.yaml: seattle-rain, realtime",
        "gates: contract, cost, fairness, latency, nulls, quality, slices",
        "synthesized: staging and prod, under the rules of CDK and cdk-nag",
        "cfn-lint: no findings",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("capture_percent: 100", "capture_percent: 101", "deploy.yaml:13, capture_percent"),
        ("model: seattle-rain", "model: seatle-rain", "did you mean 'seattle-rain'?"),
        ("model: seattle-rain", "model: seatle-rain", "deploy.yaml:2, model"),
        ("instance_count: 2", "instance_count: two", "capacity.prod.instance_count"),
        ("ml.m5.large, instance_count: 2", "ml.m5.lrge, instance_count: 2", "did you mean 'ml.m5.large'?"),
        (
            "ml.m5.large, instance_count: 2",
            "ml.m5.lrge, instance_count: 2",
            "deploy.yaml:7, capacity.prod.inst",
        ),
        ("{ psi: 0.2 }", "{ psy: 0.2 }", "thresholds.psy: input should be 'psi'"),
        (
            "{ psi: 0.2 }",
            "{ psy: 0.2 }",
            "found 'psy'; did you mean 'psi'?\n  where: deploy.yaml:23, m",
        ),
        ("rate(1 day)", "rate(1 day)\n  instance_type: ml.m5.tiny", "yaml:22, monitoring.instance_type"),
    ],
)
def test_a_mistake_in_deploy_yaml_is_named(repository: Path, old: str, new: str, said: str) -> None:
    file = repository / "deploy.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    code, told = check(repository)
    assert code == 2 and said in told and "Traceback" not in told


@pytest.mark.parametrize("mode", ["ab", "shadow"])
def test_two_versions_beside_each_other_pass_the_rules_too(repository: Path, mode: str) -> None:
    file = repository / "deploy.yaml"
    compare = f"compare: {{mode: {mode}, percent: 20, smallest_difference: 1}}"
    file.write_text(f"{file.read_text()}\n{compare}\n")
    code, said = check(repository)
    assert code == 0, said
    assert "cfn-lint: no findings" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("small-models", ["cfn-lint: no findings"]),
        ("small-model", ["deploy.yaml:4, shared.endpoint", "'small-models'"]),
    ],
)
def test_a_model_on_a_shared_endpoint(repository: Path, tmp_path: Path, name: str, said: list[str]) -> None:
    platform = tmp_path / "platform.yaml"
    there = "shared_endpoints: [{name: small-models}]"
    platform.write_text(f"{(CHECKOUT / 'platform.yaml').read_text()}\n{there}\n")
    rolling = "rollout: {prod: {strategy: rolling, percent: 50, bake_minutes: 5}}"
    (repository / "deploy.yaml").write_text(
        f"model: seattle-rain\nendpoint: shared\nshared:\n  endpoint: {name}\n{rolling}\n"
    )
    code, told = check(repository, platform=platform)
    assert (code == 0) == (name == "small-models") and "Traceback" not in told
    assert all(one in told for one in said), told


def test_the_pipeline_of_another_model(repository: Path) -> None:
    code, told = check(repository, "--model", "madison-rain")
    assert code == 2 and "its pipeline deploys madison-rain" in told and "model: seattle-rain" in told


def test_a_gate_that_cannot_be_loaded(repository: Path) -> None:
    (repository / "gates/broken.py").write_text("import nothing_of_that_name\n")
    code, told = check(repository)
    assert code == 2 and "broken" in told and "nothing_of_that_name" in told and "Traceback" not in told


def test_what_the_team_adds_is_held_to_the_rules_too(repository: Path) -> None:
    (repository / "app.py").write_text(UNTAGGED)
    code, told = check(repository)
    assert code == 1 and "AwsSolutions-S1" in told, told
