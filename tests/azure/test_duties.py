"""The deployment to prod, run in the stand-in by the real template: who may decide, which runs are kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import pytest
import yaml

from isthmus import names
from isthmus.azure import approvals, provision, retention, runs
from isthmus.azure.bits import BUILD_NAMESPACE
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.azure.present import Present
from isthmus.azure.wanted import RETAIN
from isthmus.config import Platform, read_platform
from isthmus.config.reading import platform_path
from isthmus.deploy.package import Package
from isthmus.errors import BadInput
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import USERS, StandIn, config, running, until

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/7"
SAM = {"name": "sam", "display_name": "Sam Second", "groups": ["release-approvers"]}
PLAIN = "trigger: none\nsteps: [{bash: 'true'}]\n"
DEPLOY = """
trigger: none
parameters: [{name: package, type: string}, {name: stage, type: string, default: deploy-model},
  {name: compared, type: string, default: ""}]
resources:
  repositories:
  - {repository: platform, type: git, name: platform, ref: refs/heads/main}
extends:
  template: azure-pipelines/model-deploy.yml@platform
  parameters: {package: '${{ parameters.package }}', stage: '${{ parameters.stage }}',
    compared: '${{ parameters.compared }}'}
"""
OF_AWS = ("AzureCLI@2", "PublishTestResults@2")
# The real one without what needs AWS before prod: the version's description is a parameter. `deployed` is the
# real stage without what asks AWS.
TEMPLATE = """
parameters: [{name: package, type: string}, {name: stage, type: string}, {name: compared, type: string}]
stages:
- stage: build
  jobs:
  - job: synth
    steps:
    - checkout: none
    - bash: |
        mkdir assembly && printf %s "$PACKAGE" > assembly/model-package.json
        [ -z "$COMPARED_WITH" ] || printf %s "$COMPARED_WITH" > assembly/comparison.json
      env: {PACKAGE: '${{ parameters.package }}', COMPARED_WITH: '${{ parameters.compared }}'}
    - task: PublishPipelineArtifact@1
      inputs: {targetPath: assembly, artifact: assembly}
- template: stages/${{ parameters.stage }}.yml
  parameters:
    {stage: prod, model: seattle-rain, modelPackageArn: arn, platform: isthmus,
    pool: {vmImage: ubuntu-latest}}
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

    def waiting(self, build: int, approved_by: str, **parameters: str) -> int:
        """A deployment of the version that was built so, which waits for Robin."""
        version = json.dumps(asdict(package(build, approved_by)))
        run = runs.queue(self.client("admin"), "seattle-rain-deploy", {"package": version, **parameters})
        robin = self.client("robin")
        until(lambda: approvals.pending(robin, run.id))
        return run.id

    def passed_by(self, who: str, run: int) -> runs.Run:
        client = self.client(who)
        approvals.decide_run(client, run, "Fine")
        return runs.wait(client, run, every_seconds=0.1)

    def let_pass(self, build: int, approved_by: str, **parameters: str) -> runs.Run:
        return self.passed_by("robin", self.waiting(build, approved_by, **parameters))

    def deployed(self, build: int, approved_by: str) -> dict[str, str]:
        return self.told(self.let_pass(build, approved_by))

    def told(self, run: runs.Run) -> dict[str, str]:
        """How prod's steps ended, by their names; and what the guard said."""
        robin = self.client("robin")
        records = [one for one in runs.timeline(robin, run.id) if one["type"] == "Task"]
        guard = next(one for one in records if one["name"] == "See that others decided")
        assert "log" in guard, runs.failures(robin, run.id)
        told = {one["name"]: str(one.get("result")) for one in records}
        return told | {"said": runs.log(robin, run.id, guard["log"]["id"])}

    @contextmanager
    def merged(self, approvers: str) -> Iterator[None]:
        """main of the platform's repository asks others, for as long as this lasts."""
        before = platform_path().read_text()
        after = before.replace("approvers: [release-approvers]", f"approvers: {approvers}")
        assert after != before
        admin = self.stand_in.person("admin")
        policies = [one for one in admin.every("policy/configurations") if one["isEnabled"]]
        for one in policies:
            assert admin.ask("PUT", f"policy/configurations/{one['id']}", one | {"isEnabled": False}).ok
        admin.commit("platform", {"platform.yaml": after})
        try:
            yield
        finally:
            admin.commit("platform", {"platform.yaml": before})
            for one in policies:
                assert admin.ask("PUT", f"policy/configurations/{one['id']}", one).ok


def package(build: int, approved_by: str = "") -> Package:
    about = {"run_id": str(build), "approved_by": approved_by}
    return Package(ARN, "seattle-rain", 7, "", "", "", "", about, "")


def _deployed() -> str:
    whole = yaml.safe_load((CHECKOUT / "azure-pipelines/stages/deploy-model.yml").read_text())
    steps = whole["stages"][0]["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"]
    steps[:] = [step for step in steps if step.get("task") not in OF_AWS]
    return yaml.safe_dump(whole)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("duties")
    for name in ("azure-pipelines", "isthmus", "requirements"):
        shutil.copytree(
            CHECKOUT / name, root / "platform" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(CHECKOUT / name, root / "platform" / name)
    with (
        running(root / "clouds", config(users=[*USERS, SAM])) as stand_in,
        pytest.MonkeyPatch.context() as patch,
    ):
        ours, text = "https://dev.azure.com/contoso", (CHECKOUT / "platform.yaml").read_text()
        written = {
            "platform/platform.yaml": text.replace(ours, stand_in.organization_url),
            "platform/azure-pipelines/model-deploy.yml": TEMPLATE,
            "platform/azure-pipelines/stages/deployed.yml": _deployed(),
            "model-build/azure-pipelines.yml": PLAIN,
            "model-build/azure-pipelines.pull-request.yml": PLAIN,
            "model-deploy/azure-pipelines.yml": DEPLOY,
            # By which its runs have what is installed here.
            "model-deploy/deploy.yaml": (CHECKOUT / "model-deploy/deploy.yaml").read_text(),
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


def test_somebody_else_lets_prod_pass_by_rerun_failed_jobs(world: World) -> None:
    """As the refusal says: who let the first attempt pass did not let the second one pass."""
    robin, build = world.client("robin"), world.built("robin")
    run = world.let_pass(build, "ari")
    _refused(world.told(run), "Robin Release had it built and let it pass")
    runs.rerun(robin, run.id)
    until(lambda: approvals.pending(robin, run.id))
    told = world.told(world.passed_by("sam", run.id))
    assert told["See that others decided"] == "succeeded", told["said"]
    assert "environment prod let pass by Sam Second" in told["said"]
    assert "let pass by Robin" not in told["said"]
    assert approvals.passed(robin, run.id)[0] == "Sam Second"


def test_who_had_it_built_must_be_known(world: World) -> None:
    _refused(world.deployed(0, "ari"), "nobody knows who had it built")


def test_who_is_no_approver_any_more_lets_nothing_pass(world: World) -> None:
    """The check goes on asking whom it began with, and the run's checkout is as old as the run."""
    run = world.waiting(world.built("dana"), "ari")
    with world.merged(approvers="[security-office]"):
        told = world.told(world.passed_by("robin", run))
    words = "Robin Release let environment prod pass as [contoso]\\release-approvers, who is no approver"
    assert words in told["said"] and "main asks security-office" in told["said"]
    assert told["See that others decided"] == "failed" and told["Deploy to prod"] == "skipped"


def test_an_approver_may_be_called_as_azure_devops_shows_it(world: World) -> None:
    run = world.waiting(world.built("dana"), "ari")
    with world.merged(approvers="['[CONTOSO]\\Release-Approvers']"):
        told = world.told(world.passed_by("robin", run))
    assert told["See that others decided"] == "succeeded", told["said"]


def test_where_main_says_nobody_nothing_passes(world: World) -> None:
    run = world.waiting(world.built("dana"), "ari")
    with world.merged(approvers="null"):
        told = world.told(world.passed_by("robin", run))
    assert "nobody can be seen who may let prod pass" in told["said"]
    assert told["See that others decided"] == "failed"


def test_where_others_decided_prod_is_deployed(world: World) -> None:
    """As far as that goes without AWS: the deployment itself is begun."""
    told = world.deployed(world.built("dana"), "ari")
    assert told["See that others decided"] == "succeeded", told["said"]
    assert "built for Dana Scientist" in told["said"] and "approved by ari" in told["said"]
    assert "environment prod let pass by Robin Release" in told["said"]
    assert told["Deploy to prod"] == "failed"


def test_the_runs_of_what_serves_are_kept_until_another_serves(world: World) -> None:
    """By the job itself. A version that is put beside it takes nothing away."""
    admin = world.client("admin")
    owner = names.lease_owner(world.platform, "seattle-rain", "prod")
    first = world.built("dana")
    before = world.let_pass(first, "ari", stage="deployed")
    assert before.result == "succeeded", runs.failures(admin, before.id)
    assert set(retention.held(admin, owner)) == {first, before.id}
    for kept in (first, before.id):
        with pytest.raises(BadInput, match="is retained by a lease"):
            admin.delete(f"build/builds/{kept}")
    second = world.built("dana")
    compared = json.dumps({"champion": asdict(package(first)), "how": "shadow"})
    beside = world.let_pass(second, "ari", stage="deployed", compared=compared)
    assert set(retention.held(admin, owner)) == {first, before.id, second, beside.id}
    after = world.let_pass(second, "ari", stage="deployed")
    assert set(retention.held(admin, owner)) == {second, after.id}
    said = step_said(admin, after.id)
    assert f"run {first} is no longer kept" in said and f"run {after.id} is kept" in said


def step_said(client: Client, run: int) -> str:
    (step,) = [one for one in runs.timeline(client, run) if one["name"] == "Keep the runs of what serves"]
    return runs.log(client, run, step["log"]["id"])


def test_who_keeps_runs_deletes_none(world: World) -> None:
    present = Present(world.client("admin"))
    jobs = present.build_service()
    for pipeline in ("seattle-rain-build", "seattle-rain-deploy"):
        token = f"{present.project()}/{present.pipeline(pipeline)}"
        assert present.granted(BUILD_NAMESPACE, token, jobs) == RETAIN == 4
    token = f"{present.project()}/{present.pipeline('infrastructure')}"
    assert present.granted(BUILD_NAMESPACE, token, jobs) == 0


def test_jobs_that_may_not_keep_runs_say_who_mends_it(world: World) -> None:
    """Prod serves by then; what is left is done by the job again."""
    present = Present(world.client("admin"))
    token, jobs = f"{present.project()}/{present.pipeline('seattle-rain-build')}", present.build_service()
    entry = {"descriptor": jobs, "allow": 0, "deny": 0, "extendedInfo": {}}
    body = {"token": token, "merge": False, "accessControlEntries": [entry]}
    present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)
    run = world.let_pass(world.built("dana"), "ari", stage="deployed")
    (failure,) = runs.failures(present.client, run.id)
    assert failure.startswith("Keep the runs of what serves: ") and "retain indefinitely" in failure
    assert "isthmus azure apply" in step_said(present.client, run.id)
