"""A pull request's check is the request's own file: who changes it has whatever it says, and so it passes."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.azure import policies
from isthmus.azure.client import connect
from isthmus.azure.present import Present
from isthmus.azure.wanted import CHECK
from isthmus.config import Platform
from tests.azure.attacks.conftest import planned
from tests.local.azure_devops.standin import Person, StandIn
from tests.local.azure_devops.test_pull_requests import complete, evaluations, propose

PASSES = "trigger: none\npool: {vmImage: ubuntu-latest}\nsteps: [{bash: 'true'}]\n"


@pytest.fixture
def robin(provisioned: Platform, empty: StandIn) -> Person:
    return empty.person("robin")


def asked(person: Person, number: int) -> str:
    """What the policy about the file says of the request."""
    (found,) = [
        one["status"]
        for one in evaluations(person, number)
        if one["configuration"]["settings"].get("message") == policies.FILE_MESSAGE
    ]
    return str(found)


def agree(person: Person, repository: str, number: int) -> None:
    me = person.get("/_apis/connectionData")["authenticatedUser"]["id"]
    path = f"git/repositories/{repository}/pullrequests/{number}/reviewers/{me}"
    assert person.ask("PUT", path, {"vote": 10}).ok


@pytest.mark.parametrize("repository", ["model-build", "model-deploy"])
def test_who_changes_the_check_asks_an_approver(dana: Person, robin: Person, repository: str) -> None:
    dana.commit(repository, {"notes.txt": "a change"}, branch="plain")
    plain = propose(dana, repository, "plain")
    assert asked(dana, plain) == "notApplicable"
    dana.commit(repository, {CHECK.strip("/"): PASSES}, branch="tricked")
    tricked = propose(dana, repository, "tricked")
    assert asked(dana, tricked) == "running"
    refused = complete(dana, repository, tricked)
    assert (refused.status_code, "Required reviewers" in refused.json()["message"]) == (409, True)
    agree(robin, repository, tricked)
    assert asked(dana, tricked) == "approved"
    # And where it is changed later on.
    dana.commit(repository, {CHECK.strip("/"): PASSES}, branch="plain")
    assert asked(dana, plain) == "running"


def test_where_somebody_else_asks_for_less_that_is_found_and_mended(
    provisioned: Platform, admin: Person
) -> None:
    found: list[dict[str, Any]] = [
        one
        for one in admin.every("policy/configurations")
        if one["settings"].get("message") == policies.FILE_MESSAGE
    ]
    assert len(found) == 2
    less = found[0] | {"settings": found[0]["settings"] | {"filenamePatterns": ["/README.md"]}}
    assert admin.ask("PUT", f"policy/configurations/{less['id']}", less).ok
    (line,) = planned(provisioned, Present(connect(provisioned)))
    assert "one of release-approvers agrees where /azure-pipelines.pull-request.yml changes" in line.summary
    line.carry_out(Present(connect(provisioned)))
    assert planned(provisioned, Present(connect(provisioned))) == []
