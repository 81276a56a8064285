"""Azure DevOps brought to what platform.yaml says; and then runs and approvals in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus.azure import approvals, contents, provision, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.azure.present import Present
from isthmus.azure.wanted import wanted
from isthmus.cli import isthmus
from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Refused
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import PROJECT, StandIn, until

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/1"


@pytest.fixture
def provisioned(platform: Platform, folders: Folders, empty: StandIn) -> Platform:
    """Applied before the first test that asks for it."""
    if not empty.person("admin").ask("GET", f"/_apis/projects/{PROJECT}").ok:
        provision.apply(platform, folders, token=empty.token("admin"))
    return platform


def planned(platform: Platform, folders: Folders) -> list[str]:
    return [one.summary for one in provision.plan(platform, folders, Present(connect(platform)))]


def test_applied_twice_it_changes_nothing(platform: Platform, folders: Folders) -> None:
    before = planned(platform, folders)
    told: list[str] = []
    provision.apply(platform, folders, tell=told.append)
    assert told == before
    assert planned(platform, folders) == []


def test_what_is_in_the_repositories(provisioned: Platform, empty: StandIn) -> None:
    admin = empty.person("admin")

    def paths(repository: str) -> list[str]:
        listed = admin.every(f"git/repositories/{repository}/items", recursionLevel="full")
        return [one["path"] for one in listed if not one.get("isFolder")]

    assert paths("platform") == ["/azure-pipelines/model-deploy.yml", "/platform.yaml"]
    assert paths("model-build") == ["/azure-pipelines.pull-request.yml", "/azure-pipelines.yml"]


def test_every_connection_is_guarded_and_let_to_one_pipeline(provisioned: Platform, client: Client) -> None:
    present = Present(client)
    for connection in wanted(provisioned).connections:
        labels = {one["type"]["name"] for one in present.checks("endpoint", connection.name)}
        assert {"Task Check", "ExtendsCheck"} <= labels
        assert ("Approval" in labels) == connection.name.endswith("-prod")
        assert len(present.authorized("endpoint", connection.name)) == 1
    labels = [one["type"]["name"] for one in present.checks("environment", "prod")]
    assert sorted(labels) == ["Approval", "ExclusiveLock", "ExtendsCheck", "Task Check"]


def test_drift_is_planned_and_mended(provisioned: Platform, folders: Folders, client: Client) -> None:
    present = Present(client)
    key = present.resource("endpoint", "isthmus-seattle-rain-deploy-prod")
    stranger = present.pipeline("seattle-rain-build")
    path = f"pipelines/pipelinepermissions/endpoint/{key}"
    body = {"pipelines": [{"id": stranger, "authorized": True}]}
    client.patch(path, body, version="7.1-preview.1")
    approval = next(one for one in present.checks("environment", "prod") if one["type"]["name"] == "Approval")
    loose = approval["settings"] | {"requesterCannotBeApprover": False}
    client.patch(
        f"pipelines/checks/configurations/{approval['id']}", {"settings": loose}, version="7.1-preview.1"
    )
    (Folders.of(folders, "platform") / "app.py").write_text("# new\n")
    found = planned(provisioned, folders)
    assert [line[0] for line in found] == [">", "~", "-"]
    assert f"no longer usable by pipeline {stranger}" in found[2]
    provision.apply(provisioned, folders)
    assert planned(provisioned, folders) == []


def test_a_teams_repository_is_the_teams(provisioned: Platform, folders: Folders, empty: StandIn) -> None:
    admin = empty.person("admin")
    admin.commit("model-deploy", {"theirs.txt": "kept"})
    (folders.model_deploy / "ours.txt").write_text("not pushed")
    assert planned(provisioned, folders) == []
    (folders.model_deploy / "ours.txt").unlink()


def test_an_approver_who_is_nobody(platform: Platform, folders: Folders, provisioned: Platform) -> None:
    azure = platform.azure.model_copy(update={"approvers": ["relase-approvers"]})
    with pytest.raises(NotFound, match="relase-approvers"):
        planned(platform.model_copy(update={"azure": azure}), folders)


def test_only_administrators_provision(provisioned: Platform, folders: Folders, empty: StandIn) -> None:
    model = provisioned.models[0].model_copy(update={"name": "other", "build_repository": "other-build"})
    more = provisioned.model_copy(update={"models": [*provisioned.models, model]})
    with pytest.raises(Refused, match="not authorized"):
        provision.apply(more, folders, token=empty.token("dana"))


def test_a_deployment_waits_for_the_approver(provisioned: Platform, empty: StandIn) -> None:
    dana, robin = (connect(provisioned, empty.token(who)) for who in ("dana", "robin"))
    run = runs.queue(dana, "seattle-rain-deploy", {"modelPackageArn": ARN})
    assert (run.pipeline, run.parameters, run.requested_for) == (
        "seattle-rain-deploy",
        {"modelPackageArn": ARN},
        "Dana Scientist",
    )
    waiting = until(lambda: len(found := approvals.pending(robin, run.id)) == 2 and found)
    assert all(one.approvers == ("[contoso]\\release-approvers",) for one in waiting)
    with pytest.raises(Refused, match="cannot approve"):
        approvals.decide_run(dana, run.id, "let me")
    decided = approvals.decide_run(robin, run.id, "Gates passed")
    assert {(one.status, one.approved_by, one.comment) for one in decided} == {
        ("approved", ("Robin Release",), "Gates passed")
    }
    run = runs.wait(dana, run.id, timeout=60, every_seconds=0.05)
    assert run.result == "succeeded", runs.failures(dana, run.id)
    with pytest.raises(NotFound):
        approvals.decide_run(robin, run.id, "again")
    records = runs.timeline(dana, run.id)
    assert records[0]["type"] == "Stage"
    deployed = next(one for one in records if one["name"] == "Deploy")
    assert f"deployed {ARN}" in runs.log(dana, run.id, deployed["log"]["id"])
    assert [one.id for one in runs.every(dana, "seattle-rain-deploy")] == [run.id]


def test_commands(provisioned: Platform, folders: Folders) -> None:
    options = ["--platform-content", str(folders.platform), "--model-build", str(folders.model_build)]
    command = ["azure", "plan", *options, "--model-deploy", str(folders.model_deploy)]
    done = CliRunner().invoke(isthmus, command, catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "nothing to change\n")
    done = CliRunner().invoke(isthmus, ["azure", "approvals"], catch_exceptions=False)
    assert done.output == "nothing waits for approval\n"


def test_signing_in_is_explained(
    platform: Platform, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match="does not accept the token"):
        provision.apply(platform, folders, token="wrong")
    with pytest.raises(Refused, match="does not accept the token"):
        runs.every(connect(platform, "wrong"))
    monkeypatch.delenv("AZURE_DEVOPS_TOKEN")
    with pytest.raises(Refused, match="no token in the environment"):
        connect(platform)


def test_contents_are_what_git_would_take(tmp_path: Path) -> None:
    mine = Folders(CHECKOUT, CHECKOUT / "model-build", CHECKOUT / "model-deploy")
    names = set(mine.files("platform"))
    # The library too: pipelines' jobs install it from the platform's repository.
    assert {"platform.yaml", "app.py", "cdk.json", "isthmus/cli.py"} <= names
    assert not [name for name in names if ".venv" in name or "__pycache__" in name]
    with pytest.raises(BadInput):
        Folders(tmp_path, tmp_path, tmp_path).files("model-build")


def test_the_token_is_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def spy(command: list[str], **more: object) -> object:
        seen.append(command)
        raise Refused("enough")

    monkeypatch.setattr(contents.subprocess, "run", spy)
    with pytest.raises(Refused):
        contents.remote_tree("http://127.0.0.1:1/x", "s3cret")
    assert seen and "s3cret" not in str(seen)


def test_two_models_share_nothing_but_the_environments(platform: Platform) -> None:
    other = platform.models[0].model_copy(update={"name": "snow", "build_repository": "snow"})
    both = wanted(platform.model_copy(update={"models": [*platform.models, other]}))
    assert len({one.name for one in both.connections}) == 8
    assert len(both.environments) == 2
    alone = [one for one in both.authorizations if one.resource_type == "endpoint"]
    assert all(len(one.pipelines) == 1 and one.only for one in alone)
    assert both.project == PROJECT
