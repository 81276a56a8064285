"""Azure DevOps brought to what platform.yaml says; and then runs and approvals in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus.azure import approvals, git, provision, pull_requests, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders, remote_tree
from isthmus.azure.present import Present
from isthmus.azure.resources import Repository
from isthmus.azure.wanted import wanted
from isthmus.cli import isthmus
from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Refused
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import PROJECT, Person, StandIn, until

CALLBACK = "https://abc123.execute-api.eu-west-1.amazonaws.com"
ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/1"


@pytest.fixture
def provisioned(platform: Platform, folders: Folders, empty: StandIn) -> Platform:
    """Applied before the first test that asks for it."""
    if not empty.person("admin").ask("GET", f"/_apis/projects/{PROJECT}").ok:
        provision.apply(platform, folders, callback=CALLBACK, token=empty.token("admin"))
    return platform


def planned(platform: Platform, folders: Folders) -> list[str]:
    return [one.summary for one in provision.plan(platform, folders, Present(connect(platform)), CALLBACK)]


def test_applied_twice_it_changes_nothing(platform: Platform, folders: Folders) -> None:
    before = planned(platform, folders)
    told: list[str] = []
    provision.apply(platform, folders, callback=CALLBACK, tell=told.append)
    assert told == before
    assert planned(platform, folders) == []


def test_the_bridges_route_is_a_url_for_the_build_pipelines_and_moves_with_it(
    provisioned: Platform, folders: Folders, client: Client, empty: StandIn
) -> None:
    present = Present(client)
    connection = present.connection("isthmus-callback")
    assert connection is not None
    assert (connection.type, connection.url) == ("generic", CALLBACK)
    assert not any((connection.authorization.parameters or {}).values())
    builds = {present.pipeline("seattle-rain-build")}
    assert present.authorized("endpoint", "isthmus-callback") == builds
    for url in (f"{CALLBACK}/moved", CALLBACK):
        provision.apply(provisioned, folders, callback=url)
        present.forget()
        assert present.connection("isthmus-callback").url == url


def test_the_bridge_may_write_to_builds_see_what_waits_and_do_nothing_else(
    provisioned: Platform, client: Client
) -> None:
    from isthmus.azure.bits import BUILD_NAMESPACE

    present = Present(client)
    bridge = present.application(provisioned.azure.bridge_client_id)
    bits = {
        kind: present.granted(BUILD_NAMESPACE, f"{present.project()}/{present.pipeline(kind)}", bridge)
        for kind in ("seattle-rain-build", "seattle-rain-deploy", "infrastructure")
    }
    assert bits == {
        "seattle-rain-build": 1 | 64 | 128 | 1024 | 65536,
        "seattle-rain-deploy": 1 | 128 | 1024 | 65536,
        "infrastructure": 1 | 1024,
    }


def test_what_is_in_the_repositories(provisioned: Platform, empty: StandIn) -> None:
    admin = empty.person("admin")

    def paths(repository: str) -> list[str]:
        listed = admin.every(f"git/repositories/{repository}/items", recursionLevel="full")
        return [one["path"] for one in listed if not one.get("isFolder")]

    assert paths("platform") == [
        "/azure-pipelines/infrastructure.yml",
        "/azure-pipelines/model-deploy.yml",
        "/azure-pipelines/pull-request.yml",
        "/azure-pipelines/stages/infrastructure.yml",
        "/platform.yaml",
    ]
    assert paths("model-build") == ["/azure-pipelines.pull-request.yml", "/azure-pipelines.yml"]


INFRASTRUCTURE = "stages/infrastructure.yml"
# Every guarded resource of the platform: the template that it asks for, its lock, and its approval.
GUARDED = {
    ("environment", "staging"): ("model-deploy.yml", True, False),
    ("environment", "prod"): ("model-deploy.yml", True, True),
    ("environment", "infrastructure-management"): (INFRASTRUCTURE, True, False),
    ("environment", "infrastructure-dev"): (INFRASTRUCTURE, True, False),
    ("environment", "infrastructure-automation"): (INFRASTRUCTURE, True, False),
    ("environment", "infrastructure-staging"): (INFRASTRUCTURE, True, False),
    ("environment", "infrastructure-prod"): (INFRASTRUCTURE, True, True),
    ("endpoint", "isthmus-seattle-rain-build"): ("model-build.yml", False, False),
    ("endpoint", "isthmus-seattle-rain-synth"): ("model-deploy.yml", False, False),
    ("endpoint", "isthmus-seattle-rain-deploy-staging"): ("model-deploy.yml", True, False),
    ("endpoint", "isthmus-seattle-rain-deploy-prod"): ("model-deploy.yml", True, True),
    ("endpoint", "isthmus-infrastructure-management"): (INFRASTRUCTURE, True, False),
    ("endpoint", "isthmus-infrastructure-dev"): (INFRASTRUCTURE, True, False),
    ("endpoint", "isthmus-infrastructure-automation"): (INFRASTRUCTURE, True, False),
    ("endpoint", "isthmus-infrastructure-staging"): (INFRASTRUCTURE, True, False),
    ("endpoint", "isthmus-infrastructure-prod"): (INFRASTRUCTURE, True, True),
    ("endpoint", "isthmus-drift-management"): (INFRASTRUCTURE, False, False),
    ("endpoint", "isthmus-drift-dev"): (INFRASTRUCTURE, False, False),
    ("endpoint", "isthmus-drift-automation"): (INFRASTRUCTURE, False, False),
    ("endpoint", "isthmus-drift-staging"): (INFRASTRUCTURE, False, False),
    ("endpoint", "isthmus-drift-prod"): (INFRASTRUCTURE, False, False),
    ("endpoint", "isthmus-audit"): (INFRASTRUCTURE, False, False),
}


def test_nothing_that_leads_into_an_account_is_unguarded(provisioned: Platform) -> None:
    want = wanted(provisioned)
    named = {("environment", one.name) for one in want.environments}
    assert named | {("endpoint", one.name) for one in want.connections} == set(GUARDED)


@pytest.mark.parametrize(("kind", "name"), GUARDED)
def test_each_guard_is_exactly_what_it_should_be(
    provisioned: Platform, client: Client, kind: str, name: str
) -> None:
    """As Azure DevOps has it: no branch more, no template less, nobody else who may approve."""
    template, locked, approved = GUARDED[kind, name]
    present = Present(client)
    found = {one["type"]["name"]: one for one in present.checks(kind, name)}
    wanted_types = {"Task Check", "ExtendsCheck"}
    wanted_types |= {"ExclusiveLock"} if locked else set()
    wanted_types |= {"Approval"} if approved else set()
    assert set(found) == wanted_types and len(present.checks(kind, name)) == len(wanted_types)
    assert not any(one["isDisabled"] for one in found.values())
    branch = found["Task Check"]["settings"]
    assert branch["definitionRef"]["id"] == "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b"
    assert branch["inputs"] == {
        "allowedBranches": "refs/heads/main",
        "ensureProtectionOfBranch": "true",
        "allowUnknownStatusBranch": "false",
    }
    assert found["ExtendsCheck"]["settings"] == {
        "extendsChecks": [
            {
                "repositoryType": "git",
                "repositoryName": f"{PROJECT}/platform",
                "repositoryRef": "refs/heads/main",
                "templatePath": f"azure-pipelines/{template}",
            }
        ]
    }
    if approved:
        settings = found["Approval"]["settings"]
        assert [one["displayName"] for one in settings["approvers"]] == ["[contoso]\\release-approvers"]
        assert (settings["minRequiredApprovers"], settings["requesterCannotBeApprover"]) == (1, True)
        assert settings["blockedApprovers"] == []


@pytest.mark.parametrize(("kind", "name"), GUARDED)
def test_each_guarded_resource_is_let_to_the_pipelines_that_need_it(
    provisioned: Platform, client: Client, kind: str, name: str
) -> None:
    present = Present(client)
    pipeline = "seattle-rain-build" if name.endswith("-build") else "seattle-rain-deploy"
    if "infrastructure" in name or "drift" in name or "audit" in name:
        pipeline = "infrastructure"
    assert present.authorized(kind, name) == {present.pipeline(pipeline)}


@pytest.mark.parametrize(
    ("repository", "asked"),
    [
        ("platform", {"Build", "Minimum number of reviewers", "Required reviewers"}),
        ("model-build", {"Build", "Minimum number of reviewers", "Required reviewers"}),
        ("model-deploy", {"Build", "Minimum number of reviewers"}),
    ],
)
def test_main_of_each_repository_moves_by_pull_request_only(
    provisioned: Platform, client: Client, empty: StandIn, repository: str, asked: set[str]
) -> None:
    present = Present(client)
    there = present.repository(repository)
    assert there is not None
    scope = [{"repositoryId": there.id, "refName": "refs/heads/main", "matchKind": "Exact"}]
    every = [one for one in present.every("policy") if one.settings["scope"] == scope]
    of_file = [one for one in every if one.settings.get("filenamePatterns")]
    assert len(of_file) == (repository != "platform")
    for one in of_file:
        assert one.is_enabled and one.is_blocking
        assert one.settings["requiredReviewerIds"] == [present.identity("release-approvers")]
    found = {one.type.display_name: one for one in every if one not in of_file}
    assert set(found) == asked
    assert all(one.is_enabled and one.is_blocking for one in found.values())
    reviewers = found["Minimum number of reviewers"].settings
    assert {key: value for key, value in reviewers.items() if key != "scope"} == {
        "minimumApproverCount": 1,
        "creatorVoteCounts": False,
        "allowDownvotes": False,
        "resetOnSourcePush": True,
        "blockLastPusherVote": True,
    }
    if "Required reviewers" in asked:
        required = found["Required reviewers"].settings
        who = {"platform": "release-approvers", "model-build": "[weather]\\Contributors"}[repository]
        assert required["requiredReviewerIds"] == [present.identity(who)]
        assert (required["minimumApproverCount"], required["creatorVoteCounts"]) == (1, False)
    head = empty.person("admin").every(f"git/repositories/{repository}/refs", filter="heads/main")[0]
    push = {
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": head["objectId"]}],
        "commits": [{"comment": "past everybody", "changes": [_change("owned.txt")]}],
    }
    refused = empty.person("admin").ask("POST", f"git/repositories/{repository}/pushes", push)
    assert (refused.status_code, "TF402455" in refused.text) == (403, True)


def _change(path: str) -> dict[str, object]:
    return {
        "changeType": "add",
        "item": {"path": f"/{path}"},
        "newContent": {"content": "x", "contentType": "rawText"},
    }


def test_a_run_of_an_unprotected_branch_gets_nowhere(provisioned: Platform, empty: StandIn) -> None:
    """Whoever takes the policies away takes the way into the accounts away with them."""
    admin = empty.person("admin")
    policies = admin.every("policy/configurations")
    of_deploy = [one for one in policies if one["settings"]["scope"][0]["repositoryId"] == _id(admin)]
    for one in of_deploy:
        admin.ask("PUT", f"policy/configurations/{one['id']}", one | {"isEnabled": False})
    try:
        client = connect(provisioned, empty.token("dana"))
        run = runs.queue(client, "seattle-rain-deploy", {"modelPackageArn": ARN})
        run = runs.wait(client, run.id, timeout=60, every_seconds=0.05)
        assert run.result == "failed"
        assert "has no branch policy" in str(admin.get(f"build/builds/{run.id}/timeline"))
    finally:
        for one in of_deploy:
            admin.ask("PUT", f"policy/configurations/{one['id']}", one | {"isEnabled": True})


def _id(admin: Person) -> str:
    found: str = admin.get("git/repositories/model-deploy")["id"]
    return found


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
    (folders.platform / "app.py").write_text("# new\n")
    found = planned(provisioned, folders)
    assert [line[0] for line in found] == [">", "~", "~"]
    assert "no longer usable by seattle-rain-build" in found[2]
    provision.apply(provisioned, folders)
    assert planned(provisioned, folders) == []


def test_a_new_version_of_the_platform_comes_by_pull_request(
    provisioned: Platform, folders: Folders, empty: StandIn
) -> None:
    """Main of its repository is protected from administrators too; only approvers let it move."""
    (folders.platform / "app.py").write_text("# newer\n")
    (line,) = planned(provisioned, folders)
    assert line.startswith("> repository platform: propose")
    options = ["--platform-content", str(folders.platform), "--model-build", str(folders.model_build)]
    command = [
        "azure",
        "apply",
        *options,
        "--model-deploy",
        str(folders.model_deploy),
        "--callback",
        CALLBACK,
    ]
    said = CliRunner().invoke(isthmus, command, catch_exceptions=False).output
    assert planned(provisioned, folders) == []
    admin, dana, robin = (connect(provisioned, empty.token(who)) for who in ("admin", "dana", "robin"))
    request = pull_requests.ensure(admin, "platform", "isthmus/update", "")
    assert f"  do: isthmus azure agree {request.number}, as one of azure.approvers\n" in said
    assert said.endswith("  do: isthmus azure pull-request platform isthmus/update --complete\n")
    (run,) = runs.every(admin, "platform-pull-request", top=1)
    assert runs.wait(admin, run.id, timeout=60, every_seconds=0.05).result == "succeeded"
    pull_requests.agree(dana, request)
    with pytest.raises(Refused, match="Required reviewers"):
        pull_requests.merge(admin, request)
    pull_requests.agree(robin, request)
    pull_requests.merge(admin, request)
    assert planned(provisioned, folders) == []
    again = CliRunner().invoke(isthmus, command, catch_exceptions=False).output
    assert again.startswith("nothing to change") and "pull request" not in again


def test_a_teams_repository_is_the_teams(
    provisioned: Platform, folders: Folders, empty: StandIn, client: Client
) -> None:
    admin = empty.person("dana")
    admin.commit("model-deploy", {"theirs.txt": "kept"}, branch="theirs")
    request = pull_requests.open_(client, "model-deploy", "theirs", "Ours")
    pull_requests.agree(connect(provisioned, empty.token("robin")), request)
    pull_requests.complete(client, request, tell=print)
    (folders.model_deploy / "ours.txt").write_text("not pushed")
    assert planned(provisioned, folders) == []
    (folders.model_deploy / "ours.txt").unlink()


def test_an_approver_who_is_nobody(platform: Platform, folders: Folders, provisioned: Platform) -> None:
    azure = platform.azure.model_copy(update={"approvers": ["relase-approvers"]})
    with pytest.raises(NotFound, match="relase-approvers"):
        planned(platform.model_copy(update={"azure": azure}), folders)


def repositories(model: str) -> dict[str, str]:
    return {"name": model, "build_repository": f"{model}-build", "deploy_repository": f"{model}-deploy"}


def test_only_administrators_provision(provisioned: Platform, folders: Folders, empty: StandIn) -> None:
    model = provisioned.models[0].model_copy(update=repositories("other"))
    more = provisioned.model_copy(update={"models": [*provisioned.models, model]})
    with pytest.raises(Refused, match="not authorized"):
        provision.apply(more, folders, token=empty.token("dana"))


def test_each_approval_is_decided_by_itself(provisioned: Platform, empty: StandIn) -> None:
    """One that waits since before its check was mended is still with whom it asked, and holds up no other."""
    admin, dana, robin = (connect(provisioned, empty.token(who)) for who in ("admin", "dana", "robin"))
    present = Present(admin)
    prod = present.resource("environment", "prod")
    path = {"resourceType": "environment", "resourceId": prod, "$expand": "settings"}
    listed = admin.get("pipelines/checks/configurations", version="7.1-preview.1", **path)["value"]
    check = next(one for one in listed if one["type"]["name"] == "Approval")
    url = f"pipelines/checks/configurations/{check['id']}"
    only = {"approvers": [{"id": present.identity("Ari Admin")}]}
    admin.patch(url, check | {"settings": check["settings"] | only}, version="7.1-preview.1")
    run = runs.queue(dana, "seattle-rain-deploy", {"modelPackageArn": ARN})
    until(lambda: len(approvals.pending(robin, run.id)) == 2)
    admin.patch(url, check, version="7.1-preview.1")
    told: list[approvals.Approval] = []
    with pytest.raises(Refused, match="environment prod: "):
        approvals.decide_run(robin, run.id, "Fine", tell=told.append)
    assert [one.about.partition(" isthmus")[0] for one in told] == ["service connection"]
    runs.cancel(dana, run.id)


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
    assert runs.every(dana, "seattle-rain-deploy")[0].id == run.id


def test_commands(provisioned: Platform, folders: Folders, client: Client) -> None:
    options = ["--platform-content", str(folders.platform), "--model-build", str(folders.model_build)]
    command = ["azure", "plan", *options, "--model-deploy", str(folders.model_deploy), "--callback", CALLBACK]
    done = CliRunner().invoke(isthmus, command, catch_exceptions=False)
    assert done.exit_code == 0 and done.output.startswith("nothing to change in project weather of ")
    done = CliRunner().invoke(isthmus, [*command[:-1], f"{CALLBACK}/moved"], catch_exceptions=False)
    assert done.output == (
        f"~ service connection isthmus-callback: {CALLBACK}/moved\n"
        f"    url: was {CALLBACK}, will be {CALLBACK}/moved\n"
        f"1 to change, 1 of them not as they were made in project weather of {client.organization_url}\n"
    )
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
    names = set(mine.files(Repository("platform", "platform")))
    # The library too: pipelines' jobs install it from the platform's repository.
    assert {"platform.yaml", "app.py", "cdk.json", "isthmus/cli.py"} <= names
    assert not [name for name in names if ".venv" in name or "__pycache__" in name]
    with pytest.raises(BadInput):
        Folders(tmp_path, tmp_path, tmp_path).files(Repository("rents-build", "model-build"))
    (tmp_path / "platform.yaml").write_text("name: alone\n")
    with pytest.raises(BadInput, match="no checkout of the platform"):
        Folders(tmp_path, tmp_path, tmp_path).files(Repository("platform", "platform"))


def test_the_token_is_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def spy(command: list[str], **more: object) -> object:
        seen.append(command)
        raise Refused("enough")

    monkeypatch.setattr(git.subprocess, "run", spy)
    with pytest.raises(Refused):
        remote_tree("http://127.0.0.1:1/x", "s3cret")
    assert seen and "s3cret" not in str(seen)


def test_two_models_share_nothing_but_the_environments(platform: Platform) -> None:
    other = platform.models[0].model_copy(update=repositories("snow"))
    both = wanted(platform.model_copy(update={"models": [*platform.models, other]}))
    assert len({one.name for one in both.connections}) == 19
    assert len(both.environments) == 7
    alone = [one for one in both.authorizations if one.resource_type == "endpoint"]
    assert all(len(one.pipelines) == 1 and one.only for one in alone)
    assert both.project == PROJECT
