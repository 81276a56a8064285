"""What people change by hand in Azure DevOps is in the next plan, with what it was; applying mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus.azure import provision, runs
from isthmus.azure.bits import BUILD_NAMESPACE, GIT_NAMESPACE
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.azure.guards import is_business_hours
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.instructions.permissions import branches
from isthmus.azure.present import CHECKS, RETENTION, SECURITY_ROLES, SETTINGS_VERSION, Present
from isthmus.cli import isthmus
from isthmus.config import Platform
from isthmus.config.approvals import Approvals
from isthmus.config.hours import BusinessHours
from isthmus.errors import Refused
from tests.local.azure_devops.standin import StandIn, running

CALLBACK = "https://abc123.execute-api.eu-west-1.amazonaws.com"
DEPLOY_PROD = "isthmus-seattle-rain-deploy-prod"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """An organization of its own, because it is edited by hand."""
    with running(tmp_path_factory.mktemp("drifting")) as found:
        yield found


@pytest.fixture
def present(platform: Platform, folders: Folders) -> Present:
    """Provisioned; the second time, nothing is done."""
    provision.apply(platform, folders, callback=CALLBACK)
    return Present(connect(platform))


def planned(platform: Platform, folders: Folders) -> list[Instruction]:
    return provision.plan(platform, folders, Present(connect(platform)), CALLBACK)


def check(present: Present, name: str, type_: str = "environment", on: str = "prod") -> dict[str, Any]:
    return next(one for one in present.checks(type_, on) if one["type"]["name"] == name)


def change_check(present: Present, name: str, **changed: Any) -> None:
    found = check(present, name)
    settings = found["settings"] | changed.pop("settings", {})
    path = f"pipelines/checks/configurations/{found['id']}"
    present.client.patch(path, found | {"settings": settings} | changed, version=CHECKS)


def change_approvers(present: Present, *names: str) -> None:
    people = [{"id": present.identity(name)} for name in names]
    change_check(present, "Approval", settings={"approvers": people})


def change_policy(present: Present, name: str, settings: dict[str, Any], **changed: Any) -> None:
    listed = present.client.get("policy/configurations")["value"]
    found = next(one for one in listed if one["type"]["displayName"] == name)
    body = found | {"settings": found["settings"] | settings} | changed
    present.client.put(f"policy/configurations/{found['id']}", body)


def cased(present: Present, name: str) -> list[dict[str, Any]]:
    listed = present.client.get("policy/configurations")["value"]
    (scope,) = next(one["settings"]["scope"] for one in listed if one["type"]["displayName"] == name)
    return [scope | {"refName": scope["refName"].replace("main", "MAIN")}]


def change_definition(present: Present, name: str, **process: str) -> None:
    found = present.client.get(f"build/definitions/{present.pipeline(name)}")
    present.client.put(f"build/definitions/{found['id']}", found | {"process": found["process"] | process})


def move(present: Present, name: str, folder: str) -> None:
    found = present.client.get(f"build/definitions/{present.pipeline(name)}")
    present.client.put(f"build/definitions/{found['id']}", found | {"path": folder})


def change_connection(present: Present, **parameters: str) -> None:
    listed = present.client.get("serviceendpoint/endpoints", endpointNames=DEPLOY_PROD)["value"]
    found = listed[0]
    found["authorization"]["parameters"] |= parameters
    path = f"{present.client.organization_url}/_apis/serviceendpoint/endpoints/{found['id']}"
    answer = present.client._session.put(path, json=found, params={"api-version": "7.1"})
    assert answer.ok, answer.text


def permit(present: Present, resource: str, key: str | None, **body: Any) -> None:
    path = f"pipelines/pipelinepermissions/{resource}/{key}"
    present.client.patch(path, body, version=CHECKS)


def let_the_bridge(present: Present, platform: Platform, token: str, bits: int) -> None:
    who = present.application(platform.azure.bridge_client_id)
    entry = {"descriptor": who, "allow": bits, "deny": 0, "extendedInfo": {}}
    body = {"token": token, "merge": False, "accessControlEntries": [entry]}
    present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)


def let_bypass(present: Present, who: str, bits: int, repository: str = "", branch: str = "") -> None:
    found = present.repository(repository)
    token = f"repoV2/{present.project()}" + (f"/{found.id}{branch}" if found else "")
    entry = {"descriptor": present.identities(who)[0].descriptor, "allow": bits, "deny": 0}
    body = {"token": token, "merge": True, "accessControlEntries": [entry | {"extendedInfo": {}}]}
    present.clients.get_security_client().set_access_control_entries(body, GIT_NAMESPACE)


def let_change(present: Present, who: str, bits: int, pipeline: str = "/seattle-rain-deploy") -> None:
    number = f"/{present.pipeline(pipeline[1:])}" if pipeline else ""
    token = f"{present.project()}{number}"
    entry = {"descriptor": present.identities(who)[0].descriptor, "allow": bits, "deny": 0}
    body = {"token": token, "merge": False, "accessControlEntries": [entry | {"extendedInfo": {}}]}
    present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)


def give_role(present: Present, who: str, role: str, scope: str, resource: str) -> None:
    body = [{"userId": present.identities(who)[0].id, "roleName": role}]
    scope = f"distributedtask.{scope}"
    path = f"/securityroles/scopes/{scope}/roleassignments/resources/{present.project()}{resource}"
    present.client.put(path, body, version=SECURITY_ROLES)


def change_triggers(present: Present, *triggers: dict[str, Any]) -> None:
    found = present.client.get(f"build/definitions/{present.pipeline('seattle-rain-deploy')}")
    present.client.put(f"build/definitions/{found['id']}", found | {"triggers": list(triggers)})


def branch_default(present: Present) -> None:
    repository = present.repository("model-deploy")
    assert repository is not None
    head = present.client.get(f"git/repositories/{repository.id}/refs", filter="heads/main")["value"][0]
    other = {"name": "refs/heads/other", "oldObjectId": "0" * 40, "newObjectId": head["objectId"]}
    present.client.post(f"git/repositories/{repository.id}/refs", [other])
    present.client.patch(f"git/repositories/{repository.id}", {"defaultBranch": "refs/heads/other"})


def change_repository(present: Present, name: str, **changed: Any) -> None:
    found = present.repository(name)
    assert found is not None
    present.client.patch(f"git/repositories/{found.id}", changed)


def make_public(present: Present) -> None:
    present.clients.get_core_client().update_project({"visibility": "public"}, present.project())


def let_in(branches: str, present: Present) -> dict[str, Any]:
    return {"inputs": check(present, "Task Check")["settings"]["inputs"] | {"allowedBranches": branches}}


JOBS = "weather Build Service (contoso)"
BY_YAML = {"triggerType": "continuousIntegration", "settingsSourceType": 2}
OVERRIDE = BY_YAML | {"settingsSourceType": 1, "branchFilters": ["+refs/heads/*"]}
BUILD, REVIEWERS, REQUIRED = "Build", "Minimum number of reviewers", "Required reviewers"
SUBJECT = "workloadIdentityFederationSubject"
EDITS: dict[str, tuple[Callable[[Present, Platform], None], str, str, str]] = {
    "a check's timeout": (
        lambda it, _p: change_check(it, "Approval", timeout=60),
        "approval on environment prod", "timeout", "was 60, will be 43200",
    ),
    "a check is switched off": (
        lambda it, _p: change_check(it, "ExclusiveLock", isDisabled=True),
        "exclusive lock on environment prod", "isDisabled", "was true, will be false",
    ),
    "a requester may approve": (
        lambda it, _p: change_check(it, "Approval", settings={"requesterCannotBeApprover": False}),
        "approval on environment prod", "settings.requesterCannotBeApprover", "was false, will be true",
    ),
    "another branch is let in": (
        lambda it, _p: change_check(it, "Task Check", settings=let_in("*", it)),
        "branch control on environment prod",
        "settings.inputs.allowedBranches", "was *, will be refs/heads/main",
    ),
    "another template": (
        lambda it, _p: change_check(
            it, "ExtendsCheck",
            settings={"extendsChecks": [check(it, "ExtendsCheck")["settings"]["extendsChecks"][0]
                                        | {"templatePath": "any.yml"}]},
        ),
        "required template on environment prod", "settings.extendsChecks[0].templatePath", "was any.yml",
    ),
    "an approver more": (
        lambda it, _p: change_approvers(it, "release-approvers", "Dana Scientist"),
        "approval on environment prod", "approvers", "was Dana Scientist, [contoso]",
    ),
    "an approver exchanged": (
        lambda it, _p: change_approvers(it, "Dana Scientist"),
        "approval on environment prod", "approvers", "was Dana Scientist, will be release-approvers",
    ),
    "a policy is switched off": (
        lambda it, _p: change_policy(it, BUILD, {}, isEnabled=False),
        "branch policy on", "isEnabled", "was false, will be true",
    ),
    "a policy is optional": (
        lambda it, _p: change_policy(it, REVIEWERS, {}, isBlocking=False),
        "branch policy on", "isBlocking", "was false, will be true",
    ),
    "a validation looks at no file": (
        lambda it, _p: change_policy(it, BUILD, {"filenamePatterns": ["/nothing/*"]}),
        "branch policy on", "settings.filenamePatterns", "was /nothing/*, will be none",
    ),
    "a validation is of a branch that only looks like main": (
        lambda it, _p: change_policy(it, BUILD, {"scope": cased(it, BUILD)}),
        "branch policy on", "settings.scope[0].refName", "was refs/heads/MAIN, will be refs/heads/main",
    ),
    "one of these must agree, about no file": (
        lambda it, _p: change_policy(it, REQUIRED, {"filenamePatterns": ["/nothing/*"]}),
        "branch policy on", "settings.filenamePatterns", "was /nothing/*, will be",
    ),
    "another pipeline deploys to prod": (
        lambda it, _p: permit(
            it, "environment", it.resource("environment", "prod"),
            pipelines=[{"id": it.pipeline("seattle-rain-build"), "authorized": True}],
        ),
        "environment prod: ", "seattle-rain-build", "was allowed, will be not allowed",
    ),
    "one's own vote counts": (
        lambda it, _p: change_policy(it, REVIEWERS, {"creatorVoteCounts": True}),
        "branch policy on", "settings.creatorVoteCounts", "was true, will be false",
    ),
    "a reviewer more is asked for": (
        lambda it, _p: change_policy(it, REVIEWERS, {"minimumApproverCount": 2}),
        "branch policy on", "settings.minimumApproverCount", "was 2, will be 1",
    ),
    "open to every pipeline": (
        lambda it, _p: permit(
            it, "endpoint", it.resource("endpoint", DEPLOY_PROD), allPipelines={"authorized": True}
        ),
        f"service connection {DEPLOY_PROD}: no longer usable by every pipeline",
        "allPipelines.authorized", "was true, will be false",
    ),
    "closed to its pipeline": (
        lambda it, _p: permit(
            it, "environment", it.resource("environment", "prod"),
            pipelines=[{"id": it.pipeline("seattle-rain-deploy"), "authorized": False}],
        ),
        "environment prod: usable by", "seattle-rain-deploy", "was not allowed, will be allowed",
    ),
    "the subject of a connection": (
        lambda it, _p: change_connection(it, **{SUBJECT: "sc://contoso/weather/another"}),
        f"service connection {DEPLOY_PROD}", SUBJECT.lower(),
        f"was sc://contoso/weather/another, will be sc://contoso/weather/{DEPLOY_PROD}",
    ),
    "the application of a connection": (
        lambda it, _p: change_connection(it, serviceprincipalid="00000000-0000-0000-0000-000000000000"),
        f"service connection {DEPLOY_PROD}", "serviceprincipalid", "was 00000000",
    ),
    "a default branch": (
        lambda it, _p: branch_default(it),
        "repository model-deploy", "defaultBranch", "was refs/heads/other, will be refs/heads/main",
    ),
    "a repository is disabled": (
        lambda it, _p: change_repository(it, "model-deploy", isDisabled=True),
        "repository model-deploy", "isDisabled", "was true, will be false",
    ),
    "the platform's repository is disabled": (
        lambda it, _p: change_repository(it, "platform", isDisabled=True),
        "repository platform", "isDisabled", "was true, will be false",
    ),
    "the project is made public": (
        lambda it, _p: make_public(it),
        "project weather", "visibility", "was public, will be private",
    ),
    "the YAML of a pipeline": (
        lambda it, _p: change_definition(it, "seattle-rain-deploy", yamlFilename="evil.yml"),
        "pipeline seattle-rain-deploy", "path", "was /evil.yml, will be /azure-pipelines.yml",
    ),
    "a YAML of nearly the same name": (
        lambda it, _p: change_definition(it, "seattle-rain-deploy", yamlFilename="Azure-Pipelines.yml"),
        "pipeline seattle-rain-deploy", "path", "was /Azure-Pipelines.yml, will be /azure-pipelines.yml",
    ),
    "the folder of a pipeline": (
        lambda it, _p: move(it, "seattle-rain-deploy", "\\attic"),
        "pipeline seattle-rain-deploy", "folder", "was \\attic, will be \\",
    ),
    "a trigger in place of the YAML's": (
        lambda it, _p: change_triggers(it, OVERRIDE),
        "pipeline seattle-rain-deploy", "triggers", "was continuousIntegration, will be as its YAML says",
    ),
    "a schedule beside the YAML": (
        lambda it, _p: change_triggers(it, BY_YAML, {"triggerType": "schedule", "schedules": []}),
        "pipeline seattle-rain-deploy", "triggers", "was schedule, will be as its YAML says",
    ),
    "somebody may edit a pipeline": (
        lambda it, _p: let_change(it, "Dana Scientist", 1 | 2048),
        "Dana Scientist may not change pipeline seattle-rain-deploy", "change the pipeline",
        "was allowed, will be not allowed",
    ),
    "a group may say who edits it": (
        lambda it, _p: let_change(it, "release-approvers", 16384),
        "release-approvers may not change pipeline seattle-rain-deploy", "change the pipeline",
        "was allowed, will be not allowed",
    ),
    "runs go earlier": (
        lambda it, _p: it.client.patch(RETENTION, {"runRetention": {"value": 30}}, version=SETTINGS_VERSION),
        "pipelines of the project: runs are kept for 365 days", "runRetention", "was 30, will be 365",
    ),
    "the bridge may do more": (
        lambda it, p: let_the_bridge(
            it, p, f"{it.project()}/{it.pipeline('seattle-rain-deploy')}", 1 | 2 | 8 | 128 | 1024
        ),
        "the bridge may queue seattle-rain-deploy", "allow", "was 1163, will be 66689",
    ),
    "the bridge may queue what is not its": (
        lambda it, p: let_the_bridge(it, p, f"{it.project()}/{it.pipeline('platform-pull-request')}", 128),
        "the bridge may do nothing with pipeline", "allow", "was 128, will be 0",
    ),
    "contributors may complete past policies": (
        lambda it, _p: let_bypass(it, "[weather]\\Contributors", 32768, "model-build"),
        "Contributors may not bypass policies in model-build", "bypass policies", "will be denied",
    ),
    "somebody may push past policies": (
        lambda it, _p: let_bypass(it, "Dana Scientist", 4 | 128, "model-deploy"),
        "Dana Scientist may not bypass policies in model-deploy", "bypass policies", "will be not allowed",
    ),
    "somebody may on a branch": (
        lambda it, _p: let_bypass(it, "Dana Scientist", 128, "platform", "/refs/heads/6d00610069006e00"),
        "Dana Scientist may not bypass policies in platform", "bypass policies", "will be not allowed",
    ),
    "somebody may say what the policies are": (
        lambda it, _p: let_bypass(it, "Dana Scientist", 2048, "model-build"),
        "Dana Scientist may not bypass policies in model-build", "bypass policies", "will be not allowed",
    ),
    "somebody may say who may what with main": (
        lambda it, _p: let_bypass(it, "Dana Scientist", 8192, "model-build", "/refs/heads/6d00610069006e00"),
        "Dana Scientist may not bypass policies in model-build", "bypass policies", "will be not allowed",
    ),
    "jobs may vote in a repository": (
        lambda it, _p: let_bypass(it, JOBS, 16384, "model-deploy"),
        "repository model-deploy: jobs may not contribute to pull requests",
        "contribute to pull requests", "was allowed, will be not allowed",
    ),
    "jobs may push where they comment": (
        lambda it, _p: let_bypass(it, JOBS, 2 | 4 | 16 | 16384, "model-build"),
        "jobs may comment on pull requests in model-build", "contribute, create branch", "was allowed",
    ),
    "jobs may push to main": (
        lambda it, _p: let_bypass(it, JOBS, 4, "model-deploy", "/refs/heads/6d00610069006e00"),
        "a branch of model-deploy: jobs may not contribute", "contribute", "was allowed, will be not allowed",
    ),
    "jobs may push everywhere": (
        lambda it, _p: let_bypass(it, JOBS, 2 | 4 | 16),
        "every repository: jobs may not contribute", "contribute, create branch", "was allowed",
    ),
    "jobs may queue a pipeline": (
        lambda it, _p: let_change(it, JOBS, 1 | 4 | 128 | 65536),
        "jobs may keep runs of seattle-rain-deploy",
        "queue builds, edit queue build configuration", "was allowed, will be not allowed",
    ),
    "jobs may keep the runs of a check": (
        lambda it, _p: let_change(it, JOBS, 1 | 4, "/seattle-rain-pull-request"),
        "pipeline seattle-rain-pull-request: jobs may not retain", "retain indefinitely", "was allowed",
    ),
    "jobs may edit every pipeline": (
        lambda it, _p: let_change(it, JOBS, 1 | 1024 | 2048, ""),
        "every pipeline: jobs may not edit build pipeline", "edit build pipeline", "was allowed",
    ),
    "somebody may everywhere": (
        lambda it, _p: let_bypass(it, "Dana Scientist", 128),
        "Dana Scientist may not bypass policies in every repository", "bypass policies", "was allowed",
    ),
    "somebody administers prod": (
        lambda it, _p: give_role(
            it, "Dana Scientist", "Administrator",
            "environmentreferencerole", f"_{it.resource('environment', 'prod')}",
        ),
        "environment prod: Dana Scientist is no longer its Administrator",
        "role", "was Administrator, will be none",
    ),
    "a group uses the connection to prod": (
        lambda it, _p: give_role(
            it, "release-approvers", "User", "serviceendpointrole", f"_{it.resource('endpoint', DEPLOY_PROD)}"
        ),
        f"service connection {DEPLOY_PROD}: ", "role", "was User, will be none",
    ),
    "everybody administers every environment": (
        lambda it, _p: give_role(
            it, "[weather]\\Contributors", "Administrator", "globalenvironmentreferencerole", ""
        ),
        "every environment of weather: ", "role", "was Administrator, will be none",
    ),
    "somebody administers every service connection": (
        lambda it, _p: give_role(
            it, "Dana Scientist", "Administrator", "project.serviceendpointrole", ""
        ),
        "every service connection of weather: ", "role", "was Administrator, will be none",
    ),
    "the bridge may queue everything": (
        lambda it, p: let_the_bridge(it, p, str(it.project()), 128),
        "the bridge may do nothing with every pipeline", "allow", "was 128, will be 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_it_is_found_told_and_mended(
    edit: str, present: Present, platform: Platform, folders: Folders
) -> None:
    by_hand, thing, what, said = EDITS[edit]
    by_hand(present, platform)
    (found,) = planned(platform, folders)
    assert found.kind == "drift" and thing in found.summary
    (difference,) = [str(one) for one in found.differences]
    assert difference.startswith(f"{what}: ") and said in difference
    provision.apply(platform, folders, callback=CALLBACK)
    assert planned(platform, folders) == []


def test_what_jobs_may_beyond_their_need_is_found_in_an_audit(
    present: Present, platform: Platform, folders: Folders
) -> None:
    """Also both at once, in one place: neither is given back with the other."""
    let_change(present, JOBS, 1 | 128 | 2048, "/seattle-rain-pull-request")
    let_bypass(present, JOBS, 2 | 4 | 128, "model-deploy", "/refs/heads/6d0069006e006500")
    found = provision.unguarded(platform, Present(connect(platform)))
    assert found == planned(platform, folders)
    assert len(found) == 4
    provision.apply(platform, folders, callback=CALLBACK)
    assert planned(platform, folders) == []


def test_a_role_that_somebody_was_given_is_found_in_an_audit(
    present: Present, platform: Platform, folders: Folders
) -> None:
    """Not one to read, nor one of an administrator: who made the environment is one."""
    place = f"_{present.resource('environment', 'staging')}"
    give_role(present, "Robin Release", "Reader", "environmentreferencerole", place)
    give_role(
        present, "[weather]\\Project Administrators", "Administrator", "environmentreferencerole", place
    )
    give_role(present, "Robin Release", "Creator", "project.serviceendpointrole", "")
    assert planned(platform, folders) == []
    give_role(present, "Robin Release", "Administrator", "environmentreferencerole", place)
    (found,) = provision.unguarded(platform, Present(connect(platform)))
    assert found.summary == "~ environment staging: Robin Release is no longer its Administrator"
    provision.apply(platform, folders, callback=CALLBACK)
    assert planned(platform, folders) == []


def test_what_azure_devops_gives_jobs_itself_stays(
    present: Present, platform: Platform, folders: Folders
) -> None:
    """And what a job may with the branch that it made."""
    let_bypass(present, JOBS, 2 | 32 | 64)
    let_change(present, JOBS, 1 | 64 | 1024, "")
    let_bypass(present, JOBS, 8 | 8192, "platform", f"/{branches('isthmus/add-hail')}")
    assert planned(platform, folders) == []


def test_a_model_may_sign_in_as_an_application_of_its_own(
    present: Present, platform: Platform, folders: Folders
) -> None:
    own = "00000000-1111-2222-3333-444444444444"
    model = platform.models[0].model_copy(update={"connection_client_id": own})
    changed = platform.model_copy(update={"models": [model]})
    found = planned(changed, folders)
    assert {one.summary for one in found} == {
        f"~ service connection isthmus-seattle-rain-{what}"
        for what in ("build", "synth", "deploy-staging", "deploy-prod")
    }
    assert all(own in str(difference) for one in found for difference in one.differences)
    provision.apply(changed, folders, callback=CALLBACK)
    assert planned(changed, folders) == []
    assert len(planned(platform, folders)) == 4


def test_a_branch_is_its_makers(present: Present, platform: Platform, folders: Folders) -> None:
    """Azure DevOps gives who makes a branch the right to say who may what with it."""
    let_bypass(present, "Dana Scientist", 8192, "model-build", "/refs/heads/6d0069006e006500")
    assert planned(platform, folders) == []


def test_business_hours_and_the_approvals_timeout_are_platform_yamls(
    present: Present, platform: Platform, folders: Folders
) -> None:
    """They come when they are asked for, are mended, and go when they are asked for no longer."""
    asked = {"opens": "08:00", "closes": "17:00", "time_zone": "W. Europe Standard Time"}
    azure = platform.azure.model_copy(update={"business_hours": BusinessHours.model_validate(asked)})
    approvals = Approvals.model_validate({"timeout": "12h"})
    more = platform.model_copy(update={"azure": azure, "approvals": approvals})
    lines = [one.summary for one in planned(more, folders)]
    places = ("prod", "infrastructure-prod")
    assert [line for line in lines if "hours" in line] == [
        f"+ business hours on environment {place}" for place in places
    ]
    assert sum("approval on" in line for line in lines) == len(lines) - 2 == 4
    provision.apply(more, folders, callback=CALLBACK)
    assert planned(more, folders) == []
    present.forget()
    assert check(present, "Approval")["timeout"] == 12 * 60
    (found,) = [one for one in present.checks("environment", "prod") if is_business_hours(one)]
    assert found["settings"]["inputs"] == {
        "businessDays": "Monday,Tuesday,Wednesday,Thursday,Friday",
        "timeZone": "W. Europe Standard Time",
        "startTime": "08:00",
        "endTime": "17:00",
    }
    inputs = found["settings"]["inputs"] | {"endTime": "23:59"}
    path = f"pipelines/checks/configurations/{found['id']}"
    present.client.patch(path, {"settings": found["settings"] | {"inputs": inputs}}, version=CHECKS)
    (line,) = planned(more, folders)
    assert [str(one) for one in line.differences] == ["settings.inputs.endTime: was 23:59, will be 17:00"]
    theirs = found["settings"] | {"displayName": "Theirs"}
    body = {"type": found["type"], "resource": found["resource"], "settings": theirs}
    made = present.client.post("pipelines/checks/configurations", body, version=CHECKS)
    less = [one.summary for one in planned(platform, folders)]
    assert less[-2:] == [f"- business hours on environment {place}" for place in places]
    provision.apply(platform, folders, callback=CALLBACK)
    assert planned(platform, folders) == []
    present.forget()
    left = [one["id"] for one in present.checks("environment", "prod") if one["type"]["name"] == "Task Check"]
    assert made["id"] in left and found["id"] not in left
    present.client.delete(f"pipelines/checks/configurations/{made['id']}", version=CHECKS)


def test_what_else_somebody_may_with_a_pipeline_stays(
    present: Present, platform: Platform, folders: Folders
) -> None:
    let_change(present, "Dana Scientist", 1 | 128 | 2048)
    provision.apply(platform, folders, callback=CALLBACK)
    present.forget()
    token = f"{present.project()}/{present.pipeline('seattle-rain-deploy')}"
    who = str(present.identities("Dana Scientist")[0].descriptor)
    assert present.bits(BUILD_NAMESPACE, token, who) == (1 | 128, 0)


def test_a_trigger_of_the_settings_wins_until_it_is_mended(
    present: Present, platform: Platform, folders: Folders, empty: StandIn
) -> None:
    """The deploy pipeline's YAML says that a push runs nothing."""
    admin = empty.person("admin")

    def pushed(branch: str) -> int:
        admin.commit("model-deploy", {"a.txt": branch}, branch=branch)
        return sum(one["sourceBranch"] == f"refs/heads/{branch}" for one in admin.every("build/builds"))

    assert pushed("before") == 0
    change_triggers(present, OVERRIDE)
    assert pushed("overridden") == 1
    provision.apply(platform, folders, callback=CALLBACK)
    assert pushed("mended") == 0


def options(folders: Folders) -> list[str]:
    named = {
        "platform-content": folders.platform,
        "model-build": folders.model_build,
        "model-deploy": folders.model_deploy,
    }
    return [
        *(word for name, path in named.items() for word in (f"--{name}", str(path))),
        "--callback",
        CALLBACK,
    ]


def test_a_schedule_can_fail_and_a_program_can_read(present: Present, folders: Folders) -> None:
    command = ["azure", "plan", *options(folders), "--json", "--exit-code"]
    clean = CliRunner().invoke(isthmus, command)
    assert (clean.exit_code, json.loads(clean.output)) == (0, {"changes": []})
    change_check(present, "Approval", timeout=60)
    dirty = CliRunner().invoke(isthmus, command)
    assert dirty.exit_code == 2
    assert json.loads(dirty.output)["changes"] == [
        {
            "kind": "drift",
            "summary": "approval on environment prod",
            "differences": [{"what": "timeout", "was": 60, "will_be": 43200}],
        }
    ]
    assert CliRunner().invoke(isthmus, ["azure", "apply", *options(folders)]).exit_code == 0


def test_what_others_made_is_not_touched(present: Present, platform: Platform, folders: Folders) -> None:
    client = present.client
    client.post("git/repositories", {"name": "theirs"})
    client.post("distributedtask/environments", {"name": "their-place", "description": ""})
    lock = {"id": "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563", "name": "ExclusiveLock"}
    place = present.resource("environment", "their-place")
    body = {"type": lock, "settings": {}, "resource": {"type": "environment", "id": place}, "timeout": 5}
    theirs = client.post("pipelines/checks/configurations", body, version=CHECKS)
    assert planned(platform, folders) == []
    provision.apply(platform, folders, callback=CALLBACK)
    path = f"pipelines/checks/configurations/{theirs['id']}"
    assert client.get(path, version=CHECKS)["timeout"] == 5


def test_what_was_refused_is_told_and_the_next_apply_goes_on(
    present: Present, platform: Platform, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_check(present, "Approval", timeout=60)
    change_policy(present, BUILD, {}, isEnabled=False)

    def refuse(self: Client, *_: object, **__: object) -> None:
        raise Refused("Azure DevOps answers 403: no")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "patch", refuse)
        with pytest.raises(Refused) as caught:
            provision.apply(platform, folders, callback=CALLBACK)
    assert "0 of 2 done" in caught.value.what and caught.value.what.count("not done: ~") == 2
    assert len(planned(platform, folders)) == 2
    provision.apply(platform, folders, callback=CALLBACK)
    assert planned(platform, folders) == []


def test_a_pipeline_of_the_same_name_in_another_folder_is_none_of_ours(
    present: Present, platform: Platform, folders: Folders
) -> None:
    repository = present.repository("model-deploy")
    assert repository is not None
    configuration = {"type": "yaml", "path": "/x.yml", "repository": {"id": repository.id}}

    def made(name: str, folder: str) -> int:
        body = {"name": name, "folder": folder, "configuration": configuration}
        return int(present.client.post("pipelines", body)["id"])

    number = made("seattle-rain-build", "\\copies")
    copy = f"build/definitions/{number}"
    assert planned(platform, folders) == []
    provision.apply(platform, folders, callback=CALLBACK)
    assert present.client.get(copy)["path"] == "\\copies"
    with pytest.raises(Refused, match="already exists"):
        present.client.put(copy, present.client.get(copy) | {"path": "\\"})
    others, ours = made("rain", "\\copies"), made("rain", "\\")
    present.forget()
    assert present.pipeline("rain") == runs.pipeline_id(present.client, "rain") == ours
    for number in (others, ours):
        present.client.delete(f"build/definitions/{number}")
    present.client.delete(copy)


def test_a_public_project_is_found_in_an_audit_and_a_connection_is_shared_with_no_other(
    present: Present, platform: Platform, folders: Folders
) -> None:
    make_public(present)
    (found,) = provision.unguarded(platform, Present(connect(platform)))
    assert found.summary == "~ project weather"
    provision.apply(platform, folders, callback=CALLBACK)
    path = f"{present.client.organization_url}/_apis/serviceendpoint/endpoints"
    (shared,) = present.client.get("serviceendpoint/endpoints", endpointNames=DEPLOY_PROD)["value"]
    body = shared | {"isShared": True}
    answer = present.client._session.put(f"{path}/{shared['id']}", json=body, params={"api-version": "7.1"})
    assert answer.status_code == 400 and "shared with no other" in answer.text


def test_an_old_definition_does_not_overwrite_a_newer_one(present: Present) -> None:
    found = present.client.get(f"build/definitions/{present.pipeline('seattle-rain-build')}")
    with pytest.raises(Refused, match="its revision is"):
        present.client.put(f"build/definitions/{found['id']}", found | {"revision": 99})


def test_a_pipeline_that_was_deleted_is_made_again(
    present: Present, platform: Platform, folders: Folders
) -> None:
    number = present.pipeline("seattle-rain-deploy")
    present.client.delete(f"build/definitions/{number}")
    done = provision.apply(platform, folders, callback=CALLBACK)
    assert "+ pipeline seattle-rain-deploy: model-deploy/azure-pipelines.yml" in done
    assert planned(platform, folders) == []
    assert Present(present.client).pipeline("seattle-rain-deploy") != number
