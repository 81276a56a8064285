"""Pull requests: evaluated by policies, refused while these are not met, and merged for real."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, until

BUILD = "0609b952-1397-4640-95ec-e00a01b2c241"
REVIEWERS = "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd"
CHECK = """
trigger: none
pool: {vmImage: ubuntu-latest}
steps:
- bash: test -f good.txt
"""


def propose(person: Person, repository: str, branch: str, **more: object) -> int:
    body = {
        "sourceRefName": f"refs/heads/{branch}",
        "targetRefName": "refs/heads/main",
        "title": f"Bring {branch}",
        "description": "",
    }
    made = person.post(f"git/repositories/{repository}/pullrequests", body | more)
    number: int = made["pullRequestId"]
    return number


def request_of(person: Person, repository: str, number: int) -> dict:
    found: dict = person.get(f"git/repositories/{repository}/pullrequests/{number}")
    return found


def complete(person: Person, repository: str, number: int, strategy: str = "noFastForward"):
    source = request_of(person, repository, number)["lastMergeSourceCommit"]
    body = {
        "status": "completed",
        "lastMergeSourceCommit": {"commitId": source["commitId"]},
        "completionOptions": {"mergeStrategy": strategy, "deleteSourceBranch": True},
    }
    return person.ask("PATCH", f"git/repositories/{repository}/pullrequests/{number}", body)


def policy(admin: Person, repository: str, kind: str, **settings: object) -> int:
    key = admin.get(f"git/repositories/{repository}")["id"]
    scope = [{"repositoryId": key, "refName": "refs/heads/main", "matchKind": "Exact"}]
    body = {
        "type": {"id": kind},
        "isEnabled": True,
        "isBlocking": True,
        "settings": settings | {"scope": scope},
    }
    number: int = admin.post("policy/configurations", body)["id"]
    return number


def evaluations(person: Person, number: int) -> list[dict]:
    project = person.get(f"/_apis/projects/{PROJECT}")["id"]
    artifact = f"vstfs:///CodeReview/CodeReviewId/{project}/{number}"
    found: list[dict] = person.every("policy/evaluations", artifactId=artifact)
    return found


@pytest.mark.parametrize(("strategy", "parents"), [("noFastForward", 2), ("squash", 1)])
def test_merge(dana: Person, admin: Person, strategy: str, parents: int) -> None:
    repository = f"merge-{strategy.lower()}"
    admin.post("git/repositories", {"name": repository})
    main = dana.commit(repository, {"a.txt": "a"})
    dana.commit(repository, {"b.txt": "b"}, branch="topic")
    number = propose(dana, repository, "topic")
    assert request_of(dana, repository, number)["mergeStatus"] == "succeeded"
    merged = complete(dana, repository, number, strategy).json()
    assert merged["status"] == "completed"
    assert merged["closedBy"]["displayName"] == "Dana Scientist"
    tip = dana.get(f"git/repositories/{repository}/commits/{merged['lastMergeCommit']['commitId']}")
    assert len(tip["parents"]) == parents
    assert tip["parents"][0] == main
    refs = {one["name"]: one["objectId"] for one in dana.every(f"git/repositories/{repository}/refs")}
    assert refs["refs/heads/main"] == tip["commitId"]
    assert "refs/heads/topic" not in refs


def test_conflicts_are_seen_and_refused(dana: Person, repository: str) -> None:
    dana.commit(repository, {"a.txt": "a"})
    dana.commit(repository, {"a.txt": "theirs"}, branch="topic")
    dana.commit(repository, {"a.txt": "ours"})
    number = propose(dana, repository, "topic")
    assert request_of(dana, repository, number)["mergeStatus"] == "conflicts"
    assert complete(dana, repository, number).status_code == 409


def test_build_validation_blocks_until_the_run_passes(
    standin: StandIn, admin: Person, dana: Person, repository: str, tmp_path: Path
) -> None:
    admin.commit(repository, {"check.yml": CHECK})
    pipeline = admin.pipeline("check-" + repository, repository, "/check.yml")
    policy(admin, repository, BUILD, buildDefinitionId=pipeline, displayName="check")
    dana.commit(repository, {"bad.txt": ""}, branch="topic")
    number = propose(dana, repository, "topic")
    assert complete(dana, repository, number).status_code == 409
    rejected = until(lambda: [one for one in evaluations(dana, number) if one["status"] == "rejected"])
    build = dana.build(rejected[0]["context"]["buildId"])
    assert (build["reason"], build["sourceBranch"]) == ("pullRequest", f"refs/pull/{number}/merge")
    refused = complete(dana, repository, number)
    assert refused.json()["typeKey"] == "GitPullRequestRejectedByPolicyException"
    assert "check (rejected)" in refused.json()["message"]
    dana.commit(repository, {"good.txt": ""}, branch="topic")
    until(lambda: [one for one in evaluations(dana, number) if one["status"] == "approved"])
    assert complete(dana, repository, number).json()["status"] == "completed"
    direct = tmp_path / "clone"
    env = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    host = standin.organization_url.removeprefix("http://")
    address = f"http://dana:{standin.token('dana')}@{host}/{PROJECT}/_git/{repository}"
    subprocess.run(["git", "clone", "-q", address, direct], env=env, check=True)
    who = ["-c", "user.name=D", "-c", "user.email=d@example.com"]
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=direct, env=env, check=True)
    push = ["git", "push", "origin", "main"]
    pushed = subprocess.run(push, cwd=direct, env=env, capture_output=True, text=True, check=False)
    assert pushed.returncode != 0
    assert "must use a pull request" in pushed.stderr


def test_reviewers_policy_and_auto_complete(
    admin: Person, dana: Person, robin: Person, repository: str
) -> None:
    admin.commit(repository, {"a.txt": "a"})
    policy(admin, repository, REVIEWERS, minimumApproverCount=1, creatorVoteCounts=False)
    dana.commit(repository, {"b.txt": "b"}, branch="topic")
    number = propose(dana, repository, "topic")
    path = f"git/repositories/{repository}/pullrequests/{number}"
    me = {
        who: person.get("/_apis/connectionData")["authenticatedUser"]["id"]
        for who, person in (("dana", dana), ("robin", robin))
    }
    dana.patch(path, {"autoCompleteSetBy": {"id": me["dana"]}})
    own = dana.ask("PUT", f"{path}/reviewers/{me['dana']}", {"vote": 10})
    assert own.ok
    assert request_of(dana, repository, number)["status"] == "active"
    assert dana.ask("PUT", f"{path}/reviewers/{me['robin']}", {"vote": 10}).status_code == 403
    assert robin.ask("PUT", f"{path}/reviewers/{me['robin']}", {"vote": 10}).ok
    assert request_of(dana, repository, number)["status"] == "completed"


def test_one_request_per_pair_of_branches(dana: Person, repository: str) -> None:
    dana.commit(repository, {"a.txt": "a"})
    dana.commit(repository, {"b.txt": "b"}, branch="topic")
    number = propose(dana, repository, "topic")
    body = {"sourceRefName": "refs/heads/topic", "targetRefName": "refs/heads/main", "title": "Again"}
    assert dana.ask("POST", f"git/repositories/{repository}/pullrequests", body).status_code == 409
    abandoned = dana.patch(f"git/repositories/{repository}/pullrequests/{number}", {"status": "abandoned"})
    assert abandoned["status"] == "abandoned"
    assert propose(dana, repository, "topic") > number
    listed = dana.every(f"git/repositories/{repository}/pullrequests", **{"searchCriteria.status": "all"})
    assert [one["status"] for one in listed] == ["active", "abandoned"]


def test_a_policy_that_is_not_evaluated_cannot_be_made(admin: Person, dana: Person, repository: str) -> None:
    body = {"type": {"id": "40e92b44-2fe1-4dd6-b3d8-74a9c21d0c6e"}, "settings": {"scope": [{}]}}
    assert admin.ask("POST", "policy/configurations", body).status_code == 400
    assert dana.ask("POST", "policy/configurations", body).status_code == 403
