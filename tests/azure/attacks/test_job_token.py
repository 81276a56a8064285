"""What a job's token reaches: a pull request's code that gets hold of it has its run's repositories alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from isthmus import names
from isthmus.azure import provision
from isthmus.azure.bits import GIT_NAMESPACE
from isthmus.azure.client import connect
from isthmus.azure.git import git
from isthmus.azure.instructions.permissions import branches
from isthmus.azure.present import Present
from isthmus.azure.wanted import COMMENT, PUSH, READ, SETTINGS
from isthmus.config import Platform
from isthmus.errors import Refused
from tests.azure.attacks.conftest import planned
from tests.local.azure_devops.standin import ORGANIZATION, PROJECT, Person, StandIn, until

# Its own repository, one that its file names, one that it does not, and one of another project.
OWN, NAMED, OTHER, FOREIGN = "own", "named", "other", "finance"
# For projects whose pipelines name all repositories that they read: ours cannot, and do not ask for it.
NARROW = "enforceReferencedRepoScopedToken"
THEFT = "Harmless"
SERVICES = (f"{PROJECT} Build Service ({ORGANIZATION})", f"Project Collection Build Service ({ORGANIZATION})")
THIEF = f"""
trigger: none
resources:
  repositories: [{{repository: named, type: git, name: {NAMED}}}]
steps:
- checkout: self
- checkout: named
- bash: echo "$TOKEN" > "$BUILD_ARTIFACTSTAGINGDIRECTORY/token"
  env: {{TOKEN: $(System.AccessToken)}}
- publish: $(Build.ArtifactStagingDirectory)
  artifact: stolen
- bash: exec sleep 60
"""


@pytest.fixture
def places(admin: Person) -> dict[str, int]:
    """The pull request in a repository of each kind; jobs may read, push and comment in all of them."""
    if not admin.ask("GET", f"/_apis/projects/{FOREIGN}").ok:
        furnish(admin)
    asked = admin.every("git/pullrequests")
    return {one["repository"]["name"]: one["pullRequestId"] for one in asked if one["title"] == THEFT}


def furnish(admin: Person) -> None:
    assert admin.ask("POST", "/_apis/projects", {"name": FOREIGN}).ok
    named = {"searchFilter": "General"}
    found = [admin.every("/_apis/identities", filterValue=one, **named)[0]["descriptor"] for one in SERVICES]
    entries = [{"descriptor": one, "allow": READ | PUSH | COMMENT, "deny": 0} for one in found]
    body = {"token": "repoV2", "merge": True, "accessControlEntries": entries}
    admin.post(f"/_apis/accesscontrolentries/{GIT_NAMESPACE}", body)
    for name in (OWN, NAMED, OTHER):
        admin.post("git/repositories", {"name": name})
        for branch in ("main", "topic"):
            admin.commit(name, {"azure-pipelines.yml": THIEF, "at": branch}, branch)
        heads = {"sourceRefName": "refs/heads/topic", "targetRefName": "refs/heads/main", "title": THEFT}
        admin.post(f"git/repositories/{name}/pullrequests", heads)
    found = admin.get(f"git/repositories/{NAMED}")
    lent = {"pipelines": [{"id": admin.pipeline(OWN, OWN), "authorized": True}]}
    key = f"{found['project']['id']}.{found['id']}"
    admin.patch(f"pipelines/pipelinepermissions/repository/{key}", lent)


@contextmanager
def stolen(empty: StandIn) -> Iterator[Person]:
    """Who has the token of a job that goes on."""
    dana = empty.person("dana")
    pipeline = next(one["id"] for one in dana.every("pipelines") if one["name"] == OWN)
    run = dana.run(pipeline)["id"]
    try:
        until(lambda: dana.every(f"build/builds/{run}/artifacts") or dana.build(run).get("result"))
        file = empty.state / "runs" / str(run) / "artifacts" / "stolen" / "token"
        yield Person(empty.organization_url, file.read_text().strip())
    finally:
        dana.ask("PATCH", f"build/builds/{run}", {"status": "cancelling"})
        dana.until_over(run)


def told(thief: Person, name: str, request: int) -> list[int]:
    """What the thief is told who looks at a repository, fetches, pushes, and comments on its pull request."""
    git = f"/{PROJECT}/_git/{name}/info/refs"
    thread = {"comments": [{"content": "mine", "parentCommentId": 0, "commentType": "text"}]}
    return [
        thief.ask("GET", f"git/repositories/{name}/items", path="/at").status_code,
        thief.ask("GET", git, service="git-upload-pack").status_code,
        thief.ask("GET", git, service="git-receive-pack").status_code,
        thief.ask("GET", f"git/pullrequests/{request}").status_code,
        thief.ask("POST", f"git/repositories/{name}/pullRequests/{request}/threads", thread).status_code,
    ]


def test_it_reaches_the_runs_repositories_in_its_project_and_no_other(
    provisioned: Platform, empty: StandIn, places: dict[str, int]
) -> None:
    admin = empty.person("admin")
    admin.patch("build/generalsettings", {NARROW: True})
    with stolen(empty) as thief:
        assert {name: told(thief, name, number) for name, number in places.items()} == {
            OWN: [200] * 5,
            NAMED: [200] * 5,
            OTHER: [404] * 5,
        }
        assert {one["name"] for one in thief.get("/_apis/git/repositories")["value"]} == {OWN, NAMED}
        assert places[OTHER] not in [one["pullRequestId"] for one in thief.every("git/pullrequests")]
        for path in (f"git/repositories/{FOREIGN}", "build/builds", "pipelines"):
            assert thief.ask("GET", f"/{FOREIGN}/_apis/{path}").status_code == 404
        assert (
            thief.ask("GET", f"/{FOREIGN}/_git/{FOREIGN}/info/refs", service="git-upload-pack").status_code
            == 404
        )
        who = thief.get("/_apis/connectionData")["authenticatedUser"]["providerDisplayName"]
        assert who == SERVICES[0]


def test_where_an_administrator_lets_it_out_that_is_found_and_mended(
    provisioned: Platform, empty: StandIn, places: dict[str, int]
) -> None:
    admin = empty.person("admin")
    scopes = [one.name for one in SETTINGS if "Scope" in one.name]
    assert len(scopes) == 2
    admin.patch("build/generalsettings", dict.fromkeys((*scopes, NARROW), False))
    with stolen(empty) as thief:
        assert told(thief, OTHER, places[OTHER]) == [200] * 5
        assert thief.ask("GET", f"/{FOREIGN}/_apis/git/repositories/{FOREIGN}").ok
    present = Present(connect(provisioned))
    lines = planned(provisioned, present)
    assert [str(one.differences[0]) for one in lines] == [f"{one}: was false, will be true" for one in scopes]
    assert provision.unguarded(provisioned, present) == lines
    for line in lines:
        line.carry_out(present)
    assert planned(provisioned, Present(connect(provisioned))) == []


def pushed(thief: Person, branch: str, folder: Path) -> bool:
    """Whether the thief gets a branch of the platform's repository to be main's newest commit, rewritten."""
    url = f"{thief.organization_url}/{PROJECT}/_git/{names.PLATFORM_REPOSITORY}"
    if not (folder / ".git").exists():
        git(folder, "clone", "-q", "--depth", "1", url, ".", token=thief.token)
    git(folder, "commit", "-q", "--allow-empty", "--amend", "-m", branch)
    try:
        git(folder, "push", "-q", "--force", url, f"HEAD:refs/heads/{branch}", token=thief.token)
    except Refused as refused:
        assert "error: 403" in refused.what
        return False
    return True


def test_it_pushes_branches_of_proposals_and_no_other(
    provisioned: Platform, empty: StandIn, places: dict[str, int], tmp_path: Path
) -> None:
    """Another's branch is what its pull request asks to merge."""
    ours = names.PLATFORM_REPOSITORY
    empty.person("dana").commit(ours, {"hers.txt": "hers"}, branch="hers")
    with stolen(empty) as thief:
        for branch in ("isthmus/add-hail", "isthmus/add-hail"):
            assert pushed(thief, branch, tmp_path)
        for branch in ("hers", "mine", "isthmusx/add-hail", "main"):
            assert not pushed(thief, branch, tmp_path), branch


@pytest.mark.parametrize("branch", ["", "hers"])
def test_where_jobs_were_let_push_more_that_is_found_and_mended(
    provisioned: Platform, empty: StandIn, places: dict[str, int], tmp_path: Path, branch: str
) -> None:
    """As an earlier apply did, or an administrator."""
    admin, present = empty.person("admin"), Present(connect(provisioned))
    token = present.git_token(present.repository(names.PLATFORM_REPOSITORY))
    at = f"{token}/{branches(branch)}" if branch else token
    entry = {"descriptor": present.build_service(), "allow": READ | PUSH | COMMENT, "deny": 0}
    body = {"token": at, "merge": True, "accessControlEntries": [entry]}
    admin.post(f"/_apis/accesscontrolentries/{GIT_NAMESPACE}", body)
    lines = planned(provisioned, Present(connect(provisioned)))
    (difference,) = lines[0].differences
    assert len(lines) == 1 and "contribute" in difference.what
    assert provision.unguarded(provisioned, Present(connect(provisioned))) == lines
    lines[0].carry_out(present)
    assert planned(provisioned, Present(connect(provisioned))) == []
    with stolen(empty) as thief:
        assert not pushed(thief, branch or "any", tmp_path)
        assert pushed(thief, "isthmus/any", tmp_path)
