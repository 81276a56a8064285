"""Whose agreement lets a pull request into main: never that of who wrote what it brings."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.config import Platform
from tests.local.azure_devops.standin import Person, StandIn
from tests.local.azure_devops.test_pull_requests import complete, evaluations, propose

MINIMUM = "Minimum number of reviewers"
# Whose main asks for somebody else, and for nobody by name.
REPOSITORY = "model-deploy"


@pytest.fixture
def robin(provisioned: Platform, empty: StandIn) -> Person:
    return empty.person("robin")


def agree(person: Person, number: int) -> str:
    """What the policy says once somebody voted for the request."""
    me = person.get("/_apis/connectionData")["authenticatedUser"]["id"]
    path = f"git/repositories/{REPOSITORY}/pullrequests/{number}/reviewers/{me}"
    assert person.ask("PUT", path, {"vote": 10}).ok
    return status(person, number)


def status(person: Person, number: int) -> str:
    found: dict[str, Any] = {
        one["configuration"]["type"]["displayName"]: one["status"] for one in evaluations(person, number)
    }
    return str(found[MINIMUM])


def test_who_opened_it_and_who_pushed_last_do_not_count(admin: Person, dana: Person, robin: Person) -> None:
    dana.commit(REPOSITORY, {"a.txt": "hers"}, branch="hers")
    number = propose(dana, REPOSITORY, "hers")
    assert agree(dana, number) == "running"
    assert agree(robin, number) == "approved"
    # What was agreed to is not what is there now, and who changed it agrees with himself.
    robin.commit(REPOSITORY, {"a.txt": "his"}, branch="hers")
    assert status(dana, number) == "running"
    assert agree(robin, number) == "running"
    refused = complete(robin, REPOSITORY, number)
    assert (refused.status_code, MINIMUM in refused.json()["message"]) == (409, True)
    assert agree(admin, number) == "approved"


def test_who_has_another_open_it_for_him_does_not_count(dana: Person, robin: Person) -> None:
    robin.commit(REPOSITORY, {"b.txt": "his"}, branch="his")
    number = propose(dana, REPOSITORY, "his")
    assert agree(robin, number) == "running"


def test_what_is_pushed_while_it_is_abandoned_was_agreed_to_by_nobody(dana: Person, robin: Person) -> None:
    dana.commit(REPOSITORY, {"c.txt": "good"}, branch="late")
    number = propose(dana, REPOSITORY, "late")
    assert agree(robin, number) == "approved"
    path = f"git/repositories/{REPOSITORY}/pullrequests/{number}"
    dana.patch(path, {"status": "abandoned"})
    pushed = dana.commit(REPOSITORY, {"c.txt": "evil"}, branch="late")
    dana.patch(path, {"status": "active"})
    assert dana.get(path)["lastMergeSourceCommit"]["commitId"] == pushed
    assert status(dana, number) == "running"
