"""What Microsoft recorded of Azure DevOps is accepted by the stand-in, and answered as it was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.recordings import lacking, read, replay
from tests.local.azure_devops.conftest import standin
from tests.local.azure_devops.standin import PROJECT, Person, StandIn, until
from tests.local.azure_devops.test_gates import Place, pending

__all__ = ["standin"]
GIT, CHECKS, GROUPS = "git/7.1/", "approvalsAndChecks/7.1/", "distributedTask/7.1/variablegroups/"
# The ids of repositories and people in the recordings.
REPOSITORIES = (
    "278d5cd2-584d-4b63-824a-2ba458937249",
    "8ee9091d-0f54-4633-9bb2-b5ac74855a46",
    "1701bc47-1145-4739-a805-64b02e40dbe7",
    "d3d1760b-311c-4175-a726-20dfc6a7f885",
    "3411ebc1-d5aa-464f-9615-0b527bc66719",
    "5febef5a-833d-4e14-b9c0-14cb638f91e6",
    "b92c8408-a0c9-4292-88af-bc005a1b8272",
)
PEOPLE = (
    "d6245f20-2af8-44f4-9451-8107cb2767db",
    "3b3db741-9d03-4e32-a7c0-6c3dfc2013c1",
    "1d1dad71-f27c-4370-810d-838ec41efd41",
    "19d9411e-9a34-45bb-b985-d24d9d87c0c9",
)
HISTORY = (
    "ffe9cba521f00d7f60e322845072238635edb451",
    "be67f8871a4d2c75f13a51c1d3c30ac0d74d4ef4",
    "67cae2b029dff7eb3dc062b49403aaedca5bad8d",
    "4fa42e1a7b0215cc70cd4e927cb70c422123af84",
)
Here = dict[str, object]


@pytest.fixture(scope="module")
def admin(standin: StandIn) -> Person:
    return standin.person("admin")


@pytest.fixture(scope="module")
def here(admin: Person) -> Here:
    """What stands here in place of the recordings' repository and people."""
    repository = admin.post("git/repositories", {"name": "recorded"})["id"]
    me = admin.ask("GET", "/_apis/connectionData").json()["authenticatedUser"]["id"]
    return dict.fromkeys(REPOSITORIES, repository) | dict.fromkeys(PEOPLE, me)


def same(admin: Person, name: str, here: Mapping[str, object]) -> Any:
    """Replay a recording; the answer has all that the recorded one has."""
    recording = read(name)
    answer = replay(admin, recording, here)
    assert not list(lacking(recording.answer, answer)), name
    return answer


@pytest.fixture(scope="module")
def tip(admin: Person, here: Here) -> str:
    """The commit after the nine recorded pushes, of which the eighth begins a branch."""
    newest = "0" * 40
    for number in ("", 2, 3, 4, 5, 6, 7, 8, 9):
        name = f"{GIT}pushes/POST__git_repositories__tempRepoId__pushes{number}"
        recorded = read(name).body["refUpdates"][0]["oldObjectId"]
        made = same(admin, name, here | {recorded: newest})["refUpdates"][0]
        newest = made["newObjectId"] if made["name"] == "refs/heads/master" else newest
    return newest


def test_pushes_of_every_kind(admin: Person, here: Here, tip: str) -> None:
    paths = {one["path"] for one in admin.every("git/repositories/recorded/items", recursionLevel="full")}
    assert "/tasks/content/activetasks.md" in paths and "/images/people/default.jpg" not in paths
    assert "refs/heads/myfirstbranch" in {
        one["name"] for one in admin.every("git/repositories/recorded/refs")
    }


@pytest.mark.parametrize(
    "name",
    [
        "refs/POST__git_repositories__repositoryId__refs",
        "refs/GET__git_repositories__repositoryId__refs",
        "refs/GET__git_repositories__repositoryId__refs_heads",
        "commits/GET__git_repositories__repositoryId__commits",
        "commits/GET__git_repositories__repositoryId__commits__commitId_",
        "commits/GET__git_repositories__repositoryId__commits_branch",
        "commits/GET__git_repositories__repositoryId__commits_branch_itemPath-_itemPath_",
        "commits/GET__git_repositories__repositoryId__commits__skip-_skip___top-_top_",
        "branchStats/GET__git_repositories__repositoryId__stats_branches",
        "changes/GET__git_repositories__repositoryId__commits__commitId__changes_top-_top__skip-_skip_",
        "items/GET__git_repositories__repositoryId__items_scopePath-_filePath_",
        "items/GET__git_repositories__repositoryId__items_scopePath-_folderPath_",
        "items/GET__git_repositories__repositoryId__items_scopePath-_folderPath__recursionLevel-OneLevel",
        "pushes/GET__git_repositories__repositoryId__pushes",
        "pushes/GET__git_repositories__repositoryId__pushes__skip-_skip___top-_top_",
        "statuses/POST__git_repositories__repositoryId__commits__commitId__statuses",
        "statuses/GET__git_repositories__repositoryId__commits__commitId__statuses",
        "trees/GET__git_repositories__repositoryId__trees__objectId_",
        "trees/GET__git_repositories__repositoryId__trees__objectId__recursive-true",
        "repositories/GET__git_repositories",
        "repositories/GET__git_repositories__repositoryId_",
        "repositories/POST__git_repositories",
    ],
)
def test_repositories(admin: Person, here: Here, tip: str, name: str) -> None:
    project = admin.ask("GET", f"/_apis/projects/{PROJECT}").json()["id"]
    tree = admin.get(f"git/repositories/recorded/commits/{tip}")["treeId"]
    same(
        admin,
        GIT + name,
        here
        | dict.fromkeys(HISTORY, tip)
        | {
            "d1d5c2d49045d52bba6419652d6ecb2cd560dc29": tree,
            "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c": project,
            "/MyWebSite/MyWebSite/Views/Home/_Home.cshtml": "/tasks/content/activetasks.md",
            "/MyWebSite/MyWebSite/Views": "/tasks",
            "/debug.log": "/readme.md",
        },
    )


def test_a_pull_request(admin: Person, here: Here, tip: str) -> None:
    start = {"oldObjectId": "0" * 40, "newObjectId": tip}
    heads = [f"refs/heads/{name}" for name in ("new_feature", "npaulk/my_work")]
    admin.post("git/repositories/recorded/refs", [start | {"name": name} for name in heads])
    admin.commit("recorded", {"work.txt": "1"}, branch="npaulk/my_work")
    made = same(admin, f"{GIT}pullRequests/POST__git_repositories__repositoryId__pullRequests", here)
    assert [one["vote"] for one in made["reviewers"]] == [0]
    at = f"pullRequests/{made['pullRequestId']}"
    for name in (
        "pullRequests/GET__git_repositories__repositoryId__pullRequests",
        "pullRequests/GET__git_repositories__repositoryId__pullRequests__pullRequestId_",
        "pullRequests/GET__git_pullRequests",
        "pullRequests/PATCH__git_repositories__repositoryId__pullRequests__pullRequestId_",
        "pullRequestReviewers/PUT__git_repositories__repositoryId__pullRequests__pullRequestId__reviewers__initialReviewerId_",
        "pullRequestReviewers/GET__git_repositories__repositoryId__pullRequests__pullRequestId__reviewers",
        "pullRequestThreads/POST__git_repositories__repositoryId__pullRequests__pullRequestId__threads",
        "pullRequestThreads/GET__git_repositories__repositoryId__pullRequests__pullRequestId__threads",
        "pullRequestStatuses/POST_git_pullRequestStatuses_status",
    ):
        same(admin, GIT + name, here | {"pullRequests/22": at, "pullRequests/1": at})


def test_a_variable_group(admin: Person) -> None:
    for name in (
        "POST_CreateVariableGroup",
        "GET_VariableGroup",
        "GET_VariableGroupsByIds",
        "GET_VariableGroupsByGroupName",
        "PUT_UpdateVariableGroup",
        "DELETE_VariableGroup",
    ):
        same(admin, GROUPS + name, {})


def test_checks_permissions_and_approvals(admin: Person, here: Here) -> None:
    place = Place(admin, "recorded-place")
    there = here | {"queue": "environment", "1": str(place.id), "16": place.pipeline}
    there |= {"queue/1": f"environment/{place.id}"}
    for name in (
        "configurations/POST__AddApprovalCheckConfiguration",
        "configurations/GET__CheckConfigurationsOnResource",
        "queryconfigurations/POST__QueryCheckConfigurationsOnResources",
        "pipelinePermissions/PATCH__UpdatePipelinePermissionsForResource",
        "pipelinePermissions/GET__GetPipelinePermissionsForResource",
    ):
        same(admin, CHECKS + name, there)
    run = admin.run(place.pipeline)["id"]
    waiting = until(lambda: pending(admin, run))[0]["id"]
    there |= dict.fromkeys(
        (
            "ee14f612-6838-43c0-b445-db238ef14153,06239b11-a904-43a1-be6a-0d44026bd121",
            "ee14f612-6838-43c0-b445-db238ef14153",
            "aab27959-a5be-4ee3-97ca-f19b3602cd2f",
        ),
        waiting,
    )
    for name in ("GET__QueryApproval", "GET__Approval", "PATCH__UpdateApproval"):
        same(admin, f"{CHECKS}approvals/{name}", there)
    assert admin.until_over(run)["result"] == "succeeded"
    hours = same(admin, f"{CHECKS}configurations/POST__AddTaskCheckConfiguration", there)
    same(
        admin,
        f"{CHECKS}configurations/PATCH__TaskCheckConfiguration",
        there | {"configurations/27": f"configurations/{hours['id']}"},
    )


def test_policies(admin: Person, here: Here, tip: str) -> None:
    pipeline = Place(admin, "recorded-policy").pipeline
    for number in (2, 3):
        same(admin, f"policy/7.1/configurations/POST__policy_configurations{number}", here | {"5": pipeline})
    assert replay(admin, read("policy/7.1/configurations/GET__policy_configurations"), here)["count"] == 2
    # What is not evaluated here is refused, and not kept as if it were.
    for number in ("", 4, 5, 6, 7):
        recording = read(f"policy/7.1/configurations/POST__policy_configurations{number}")
        with pytest.raises(AssertionError, match="evaluated here"):
            replay(admin, recording, here)


def test_a_service_connection(admin: Person) -> None:
    """As recorded, but by the one scheme that is kept here: no secret."""
    project = admin.ask("GET", f"/_apis/projects/{PROJECT}").json()["id"]
    recorded = "serviceEndpoint/7.1/endpoints/CreateAzureRMEndpoint"
    there: Here = {"c7e5f0b3-71fa-4429-9fb3-3321963a7c06": project}
    with pytest.raises(AssertionError, match="they hold no secret"):
        replay(admin, read(recorded), there)
    made = same(admin, recorded, there | {"ServicePrincipal": "WorkloadIdentityFederation"})
    assert made["authorization"]["scheme"] == "WorkloadIdentityFederation"
