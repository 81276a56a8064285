"""`isthmus azure destroy` removes what carries the mark of its platform, and nothing that others made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.azure import marks, provision, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.azure.present import CHECKS, Present
from isthmus.cli import isthmus
from isthmus.config import Platform, read_platform
from isthmus.errors import Unavailable
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import StandIn, running

ROUTE = "https://bridge.example/callback"
APPROVAL = "8c6f20a7-a545-4486-9777-f762fafe0d4d"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, folders: Folders) -> Path:
    """The state of an organization in which apply made a project."""
    state = tmp_path_factory.mktemp("made")
    with running(state) as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_DEVOPS_URL", found.organization_url)
        patch.setenv("ISTHMUS_PLATFORM", str(CHECKOUT / "platform.yaml"))
        platform = read_platform()
        provision.apply(platform, folders, callback=ROUTE, token=found.token("admin"))
    return state


@pytest.fixture
def empty(made: Path, tmp_path: Path) -> Iterator[StandIn]:
    """An organization of each test's own, which is as `made`."""
    with running(Path(shutil.copytree(made, tmp_path / "organization"))) as found:
        yield found


@pytest.fixture
def present(platform: Platform) -> Present:
    return Present(connect(platform))


def run(command: str, *arguments: str, typed: str = "", folders: Folders | None = None) -> Result:
    if folders:
        of = ("--platform-content", "--model-build", "--model-deploy")
        where = (folders.platform, folders.model_build, folders.model_deploy)
        arguments += (
            *(str(one) for pair in zip(of, where, strict=True) for one in pair),
            "--callback",
            ROUTE,
        )
    return CliRunner().invoke(isthmus, ["azure", command, *arguments], input=typed)


def names(present: Present) -> set[str]:
    present.forget()
    kinds: tuple[marks.Kind, ...] = ("pipeline", "environment", "connection", "repository")
    return {one.name for kind in kinds for one in present.every(kind)}


def foreign_pipeline(client: Client, repository: str) -> None:
    configuration = {"type": "yaml", "path": "/x.yml"}
    configuration |= {"repository": {"id": repository, "type": "azureReposGit"}}
    client.post("pipelines", {"name": "theirs", "folder": "\\", "configuration": configuration})


def test_all_that_apply_made_goes_once_it_is_agreed_to(present: Present, platform: Platform) -> None:
    assert run("destroy", typed="n\n").exit_code == 1
    assert "prod" in names(present)
    done = run("destroy", typed="y\n")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "- environment prod\n" in done.output
    assert "repositories stay, with their history" in done.output
    model = platform.models[0]
    assert names(present) == {"weather", "platform", model.build_repository, model.deploy_repository}
    assert present.every("policy") == []
    assert run("destroy").output.endswith("nothing to remove\n")
    assert run("destroy", "--with-repositories", "--yes").exit_code == 0
    # The repository that comes with a project, apply did not make.
    assert names(present) == {"weather"}
    assert marks.read(present) == []


def test_what_others_made_stays_and_what_it_hangs_on(present: Present, platform: Platform) -> None:
    client = present.client
    foreign_pipeline(client, present.repository("platform").id)  # type: ignore[union-attr]
    staging = {"type": "environment", "id": present.resource("environment", "staging")}
    approval = {"approvers": [{"id": present.identity(platform.azure.approvers[0])}]}
    body = {"type": {"id": APPROVAL}, "settings": approval, "timeout": 60, "resource": staging}
    client.post("pipelines/checks/configurations", body, version=CHECKS)
    agents = present.clients.get_task_agent_client()
    agents.add_environment({"name": "playground", "description": ""}, client.project)
    done = run("destroy", "--with-repositories", "--yes")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "environment staging stays: it has a check that apply did not make" in done.output
    assert "repository platform stays: it has a pipeline or a branch policy that" in done.output
    assert names(present) == {"weather", "platform", "staging", "playground", "theirs"}


def test_what_a_model_that_is_named_no_longer_leaves_stays_until_it_is_pruned(
    present: Present, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "platform.yaml"
    text = (CHECKOUT / "platform.yaml").read_text().replace("name: seattle-rain", "name: madison-rain")
    file.write_text(text.replace("team: weather", "build_repository: snow\n    deploy_repository: drift"))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(file))
    told = run("plan", folders=folders).output
    # A pipeline that an authorization is taken from is called by its name.
    assert "service connection isthmus-callback: no longer usable by seattle-rain-build" in told
    assert "  pipeline seattle-rain-deploy stays: platform.yaml asks for it no longer; --prune" in told
    foreign_pipeline(present.client, present.repository("platform").id)  # type: ignore[union-attr]
    done = run("apply", "--prune", folders=folders)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "- branch policy on model-build main: its pipeline passes\n" in done.output
    assert "- service connection isthmus-seattle-rain-deploy-prod\n" in done.output
    there = names(present)
    assert not [name for name in there if "seattle-rain" in name]
    assert {"theirs", "model-build", "madison-rain-deploy", "prod", "isthmus-callback"} <= there
    assert run("plan", "--prune", folders=folders).output.startswith("nothing to change")


def test_what_was_made_again_by_hand_is_not_apply_s(present: Present) -> None:
    """The same name, and another id."""
    agents, project = present.clients.get_task_agent_client(), present.client.project
    agents.delete_environment(project, present.environment("prod").id)  # type: ignore[union-attr]
    agents.add_environment({"name": "prod", "description": "ours"}, project)
    done = run("destroy", "--yes")
    assert "- the mark of environment prod, which is gone" in done.output
    assert "prod" in names(present)


def test_a_removal_that_was_interrupted_goes_on(present: Present, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before a pipeline was removed, and between a removal and that of its mark."""
    with monkeypatch.context() as broken:
        broken.setattr("azure.devops.v7_1.build.build_client.BuildClient.delete_definition", away)
        told = str(run("destroy", "--yes").exception)
    assert "not done: - pipeline" in told
    assert "prod" in names(present) and present.every("connection") == []
    with monkeypatch.context() as broken:
        broken.setattr("isthmus.azure.marks.erase", away)
        run("destroy", "--yes")
    done = run("destroy", "--yes")
    assert "- the mark of pipeline" in done.output
    assert present.environment("prod") and "prod" not in names(present)


def away(*_arguments: object) -> None:
    raise Unavailable("Azure DevOps is away")


def test_runs_that_are_kept_do_not_keep_a_pipeline(present: Present, platform: Platform) -> None:
    name = f"{platform.models[0].name}-build"
    started = runs.queue(present.client, name, {})
    runs.wait(present.client, started.id)
    builds = present.clients.get_build_client()
    number = present.pipeline(name)
    assert builds.get_retention_leases_by_owner_id(present.client.project, definition_id=number)
    with pytest.raises(Exception, match="retained by a lease"):
        builds.delete_definition(present.client.project, number)
    assert run("destroy", "--yes").exit_code == 0
    assert name not in names(present)


def test_a_project_holds_one_platform(
    present: Present, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text((CHECKOUT / "platform.yaml").read_text().replace("name: isthmus", "name: other", 1))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(file))
    error = str(run("apply", "--adopt", folders=folders).exception)
    assert "belongs to the platform 'isthmus'" in error and "a project holds one platform" in error
    assert run("destroy", "--yes").output.endswith("nothing to remove\n")
