"""The deployment to prod, run in the stand-in by the real template: refused where one person did all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pytest

from isthmus.azure import approvals, provision, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.config import Platform, read_platform
from isthmus.deploy.package import Package
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import StandIn, running, until

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/7"
PLAIN = "trigger: none\nsteps: [{bash: 'true'}]\n"
DEPLOY = """
trigger: none
parameters: [{name: package, type: string}]
resources:
  repositories:
  - {repository: platform, type: git, name: platform, ref: refs/heads/main}
extends:
  template: azure-pipelines/model-deploy.yml@platform
  parameters: {package: '${{ parameters.package }}'}
"""
# The real one without what needs AWS before prod: the version's description is a parameter.
TEMPLATE = """
parameters: [{name: package, type: string}]
stages:
- stage: build
  jobs:
  - job: synth
    steps:
    - checkout: none
    - bash: mkdir assembly && printf %s "$PACKAGE" > assembly/model-package.json
      env: {PACKAGE: '${{ parameters.package }}'}
    - task: PublishPipelineArtifact@1
      inputs: {targetPath: assembly, artifact: assembly}
- template: stages/deploy-model.yml
  parameters: {stage: prod, model: seattle-rain, platform: isthmus, pool: {vmImage: ubuntu-latest}}
"""


@dataclass(frozen=True)
class World:
    platform: Platform
    stand_in: StandIn

    def client(self, who: str) -> Client:
        return connect(self.platform, self.stand_in.token(who))

    def built(self, by: str) -> int:
        client = self.client(by)
        return runs.wait(client, runs.queue(client, "seattle-rain-build").id, every_seconds=0.1).id

    def deployed(self, build: int, approved_by: str, starter: str = "admin") -> dict[str, str]:
        """How prod's steps ended, let pass by Robin, by their names; and what the guard said."""
        about = {"run_id": str(build), "approved_by": approved_by}
        package = json.dumps(asdict(Package(ARN, "seattle-rain", 7, "", "", "", "", about, "")))
        run = runs.queue(self.client(starter), "seattle-rain-deploy", {"package": package})
        robin = self.client("robin")
        until(lambda: approvals.pending(robin, run.id))
        approvals.decide_run(robin, run.id, "Fine")
        runs.wait(robin, run.id, every_seconds=0.1)
        records = [one for one in runs.timeline(robin, run.id) if one["type"] == "Task"]
        guard = next(one for one in records if one["name"] == "See that others decided")
        assert "log" in guard, runs.failures(robin, run.id)
        told = {one["name"]: str(one.get("result")) for one in records}
        return told | {"said": runs.log(robin, run.id, guard["log"]["id"])}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("duties")
    for name in ("azure-pipelines", "isthmus", "requirements"):
        shutil.copytree(
            CHECKOUT / name, root / "platform" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(CHECKOUT / name, root / "platform" / name)
    with running(root / "clouds") as stand_in, pytest.MonkeyPatch.context() as patch:
        ours, text = "https://dev.azure.com/contoso", (CHECKOUT / "platform.yaml").read_text()
        written = {
            "platform/platform.yaml": text.replace(ours, stand_in.organization_url),
            "platform/azure-pipelines/model-deploy.yml": TEMPLATE,
            "model-build/azure-pipelines.yml": PLAIN,
            "model-build/azure-pipelines.pull-request.yml": PLAIN,
            "model-deploy/azure-pipelines.yml": DEPLOY,
            "model-deploy/azure-pipelines.pull-request.yml": PLAIN,
        }
        for name, content in written.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(content)
        patch.delenv("AZURE_DEVOPS_URL", raising=False)
        patch.setenv("ISTHMUS_PLATFORM", str(root / "platform/platform.yaml"))
        platform = read_platform()
        folders = Folders(root / "platform", root / "model-build", root / "model-deploy")
        provision.apply(platform, folders, token=stand_in.token("admin"))
        yield World(platform, stand_in)


@pytest.mark.parametrize(
    ("built_by", "approved_by", "words"),
    [
        ("dana", "dana", "dana had it built and approved it"),
        ("robin", "ari", "Robin Release had it built and let it pass"),
    ],
)
def test_who_had_it_built_does_not_decide_and_prod_stays_untouched(
    world: World, built_by: str, approved_by: str, words: str
) -> None:
    told = world.deployed(world.built(built_by), approved_by)
    _refused(told, words)


def _refused(told: dict[str, str], words: str) -> None:
    assert f"seattle-rain version 7: {words}: two people are asked for" in told["said"]
    assert "platform.yaml, approvals.different_people" in told["said"]
    assert told["See that others decided"] == "failed"
    assert (told["Deploy to prod"], told["Say what prod serves"]) == ("skipped", "skipped")


@pytest.mark.parametrize(
    ("approved_by", "words"),
    [
        ("", "nobody knows who approved it"),
        ("automatic", "Dana Scientist had it built, and it is approved as if by a rule"),
    ],
)
def test_who_approved_must_be_known(world: World, approved_by: str, words: str) -> None:
    _refused(world.deployed(world.built("dana"), approved_by), words)


def test_who_had_it_built_must_be_known(world: World) -> None:
    _refused(world.deployed(0, "ari"), "nobody knows who had it built")


def test_where_others_decided_prod_is_deployed(world: World) -> None:
    """As far as that goes without AWS: the deployment itself is begun."""
    told = world.deployed(world.built("dana"), "ari")
    assert told["See that others decided"] == "succeeded", told["said"]
    assert "built for Dana Scientist" in told["said"] and "approved by ari" in told["said"]
    assert "environment prod let pass by Robin Release" in told["said"]
    assert told["Deploy to prod"] == "failed"
