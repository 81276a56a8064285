"""Repositories: over REST and by git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.local.azure_devops.standin import PROJECT, Person, StandIn

IDENTITY = {"NAME": "Dana", "EMAIL": "dana@example.com"}


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in IDENTITY.items()}
    plain = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | env | plain,
        capture_output=True,
        text=True,
        check=False,
    )


def url(standin: StandIn, user: str, repository: str) -> str:
    host = standin.organization_url.removeprefix("http://")
    return f"http://{user}:{standin.token(user)}@{host}/{PROJECT}/_git/{repository}"


def test_push_over_rest_then_clone_by_git(
    standin: StandIn, dana: Person, repository: str, tmp_path: Path
) -> None:
    tip = dana.commit(repository, {"README.md": "one\n", "steps/train.py": "print()\n"})
    again = dana.commit(repository, {"README.md": "two\n"})
    assert git(tmp_path, "clone", "-q", url(standin, "dana", repository), "work").returncode == 0
    assert (tmp_path / "work" / "README.md").read_text() == "two\n"
    history = git(tmp_path / "work", "log", "--format=%H %an").stdout.splitlines()
    assert history == [f"{again} Dana Scientist", f"{tip} Dana Scientist"]


def test_git_push_moves_branches_and_is_in_the_ledger(
    standin: StandIn, dana: Person, repository: str, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.txt").write_text("a" * 100_000)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "First")
    pushed = git(tmp_path, "push", "-q", url(standin, "dana", repository), "main", "main:feature/x")
    assert pushed.returncode == 0, pushed.stderr
    head = git(tmp_path, "rev-parse", "HEAD").stdout.strip()
    refs = {one["name"]: one["objectId"] for one in dana.every(f"git/repositories/{repository}/refs")}
    assert refs == {"refs/heads/main": head, "refs/heads/feature/x": head}
    push = dana.every(f"git/repositories/{repository}/pushes")[0]
    assert push["pushedBy"]["displayName"] == "Dana Scientist"
    assert dana.get(f"git/repositories/{repository}")["defaultBranch"] == "refs/heads/main"


def test_git_asks_for_a_token(standin: StandIn, repository: str, tmp_path: Path) -> None:
    address = f"{standin.organization_url}/{PROJECT}/_git/{repository}"
    refused = git(tmp_path, "ls-remote", address)
    assert refused.returncode != 0
    assert "could not read Username" in refused.stderr
    wrong = address.replace("http://", "http://x:wrong@")
    assert "Authentication failed" in git(tmp_path, "ls-remote", wrong).stderr


def test_items_and_commits(dana: Person, repository: str) -> None:
    first = dana.commit(repository, {"a.txt": "one"})
    second = dana.commit(repository, {"a.txt": "two", "d/b.txt": "b"}, branch="topic")
    path = f"git/repositories/{repository}/items"
    on_topic = {"versionDescriptor.version": "topic", "versionDescriptor.versionType": "branch"}
    assert (
        dana.get(path, path="/a.txt", includeContent="true", **on_topic, **{"$format": "json"})["content"]
        == "two"
    )
    listed = dana.every(path, recursionLevel="full", **on_topic)
    assert [one["path"] for one in listed] == ["/", "/a.txt", "/d", "/d/b.txt"]
    commits = dana.every(
        f"git/repositories/{repository}/commits", **{"searchCriteria.itemVersion.version": "topic"}
    )
    assert [one["commitId"] for one in commits] == [second, first]
    assert dana.get(f"git/repositories/{repository}/commits/{second}")["parents"] == [first]
    assert dana.ask("GET", path, path="/nope.txt").status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"changeType": "add", "item": {"path": "/a.txt"}, "newContent": {"content": "x"}}, 400),
        ({"changeType": "edit", "item": {"path": "/none"}, "newContent": {"content": "x"}}, 400),
        ({"changeType": "delete", "item": {"path": "/none"}}, 400),
        ({"changeType": "add", "item": {"path": "/../out"}, "newContent": {"content": "x"}}, 400),
        ({"changeType": "explode", "item": {"path": "/b.txt"}}, 400),
    ],
)
def test_wrong_changes_are_refused(admin: Person, change: dict[str, object], status: int) -> None:
    name = "wrong-changes"
    if admin.ask("GET", f"git/repositories/{name}").status_code == 404:
        admin.post("git/repositories", {"name": name})
        admin.commit(name, {"a.txt": "a"})
    tip = admin.every(f"git/repositories/{name}/refs")[0]["objectId"]
    push = {
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": tip}],
        "commits": [{"comment": "x", "changes": [change]}],
    }
    assert admin.ask("POST", f"git/repositories/{name}/pushes", push).status_code == status
    assert admin.every(f"git/repositories/{name}/refs")[0]["objectId"] == tip


def test_a_stale_push_is_a_conflict(dana: Person, repository: str) -> None:
    dana.commit(repository, {"a.txt": "a"})
    change = {"changeType": "add", "item": {"path": "/b"}, "newContent": {"content": "b"}}
    push = {
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": "0" * 40}],
        "commits": [{"comment": "x", "changes": [change]}],
    }
    answer = dana.ask("POST", f"git/repositories/{repository}/pushes", push)
    assert answer.status_code == 409
    assert answer.json()["typeKey"] == "GitReferenceStaleException"


def test_rename_and_binary(dana: Person, repository: str) -> None:
    tip = dana.commit(repository, {"old name.txt": "kept"})
    changes = [
        {
            "changeType": "rename",
            "sourceServerItem": "/old name.txt",
            "item": {"path": "/new name.txt"},
        },
        {
            "changeType": "add",
            "item": {"path": "/model.bin"},
            "newContent": {"content": "AP8=", "contentType": "base64Encoded"},
        },
    ]
    push = {
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": tip}],
        "commits": [{"comment": "Move", "changes": changes}],
    }
    dana.post(f"git/repositories/{repository}/pushes", push)
    path = f"git/repositories/{repository}/items"
    assert [one["path"] for one in dana.every(path, recursionLevel="full")] == [
        "/",
        "/model.bin",
        "/new name.txt",
    ]
    assert dana.get(path, path="/model.bin", includeContent="true")["content"] == "AP8="


def test_no_ref_makes_another_commit_of_one(
    standin: StandIn, admin: Person, dana: Person, tmp_path: Path
) -> None:
    name = "replaced"
    admin.post("git/repositories", {"name": name})
    admin.commit(name, {"a.txt": "first"})
    tip = admin.commit(name, {"a.txt": "second"}, message="Ours")
    evil = dana.commit(name, {"a.txt": "evil"}, branch="evil", message="Evil")
    assert git(tmp_path, "clone", "-q", url(standin, "dana", name), "work").returncode == 0
    for ref in (f"refs/replace/{tip}", "refs/pull/1/merge"):
        made = {"name": ref, "oldObjectId": "0" * 40, "newObjectId": evil}
        (answer,) = dana.post(f"git/repositories/{name}/refs", [made])["value"]
        assert (answer["success"], answer["updateStatus"]) == (False, "invalidRefName")
        pushed = git(tmp_path / "work", "push", "-q", "origin", f"{evil}:{ref}")
        assert pushed.returncode and "error: 400" in pushed.stderr, pushed.stderr
    assert {one["name"] for one in dana.every(f"git/repositories/{name}/refs")} == {
        "refs/heads/evil",
        "refs/heads/main",
    }
    assert dana.get(f"git/repositories/{name}/commits/{tip}")["comment"] == "Ours"


def test_a_disabled_repository_is_listed_and_nothing_of_it_is_read_or_changed(
    standin: StandIn, admin: Person, dana: Person, repository: str, tmp_path: Path
) -> None:
    where = f"git/repositories/{repository}"
    dana.commit(repository, {"azure-pipelines.yml": "trigger: none\nsteps: [{checkout: none}]\n"})
    number = dana.pipeline(repository, repository)
    admin.patch(where, {"isDisabled": True})
    assert dana.get(where)["isDisabled"]
    assert [one["isDisabled"] for one in dana.every("git/repositories") if one["name"] == repository] == [
        True
    ]
    contents = [
        ("GET", f"{where}/{one}", None) for one in ("items", "refs", "commits", "pushes", "pullrequests")
    ]
    for method, path, body in (*contents, ("POST", f"pipelines/{number}/runs", {})):
        refused = dana.ask(method, path, body)
        assert (refused.status_code, "TF401019" in refused.text) == (404, True), path
    cloned = git(tmp_path, "clone", "-q", url(standin, "dana", repository), "work")
    assert (cloned.returncode, "not found" in cloned.stderr) == (128, True)
    admin.patch(where, {"isDisabled": False})
    assert git(tmp_path, "clone", "-q", url(standin, "dana", repository), "work").returncode == 0
