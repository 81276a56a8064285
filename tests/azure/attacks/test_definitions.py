"""Who may edit a pipeline has it run what she likes with the identities that are the pipeline's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from isthmus.azure import provision
from isthmus.azure.bits import BUILD_NAMESPACE, CHANGE
from isthmus.azure.client import connect
from isthmus.azure.present import Present
from isthmus.azure.wanted import wanted
from isthmus.config import Platform
from tests.azure.attacks.conftest import number, planned
from tests.local.azure_devops.standin import Person

EDITS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another file": lambda it: it | {"process": {"type": 2, "yamlFilename": "evil.yml"}},
    "a variable": lambda it: it | {"variables": {"BASH_ENV": {"value": "evil"}}},
    "settable": lambda it: it | {"variables": {"BASH_ENV": {"value": "", "allowOverride": True}}},
}
MODELS = ("build", "deploy", "pull-request", "deploy-check")
OURS = ("infrastructure", "platform-pull-request", *(f"seattle-rain-{one}" for one in MODELS))


def test_these_are_all_pipelines_of_ours(provisioned: Platform) -> None:
    assert sorted(one.name for one in wanted(provisioned).pipelines) == sorted(OURS)


@pytest.mark.parametrize("pipeline", OURS)
def test_no_contributor_edits_or_deletes_one_or_lets_others(dana: Person, pipeline: str) -> None:
    path = f"build/definitions/{number(dana, pipeline)}"
    before = dana.get(path)
    for edit in EDITS.values():
        refused = dana.ask("PUT", path, edit(before))
        assert (refused.status_code, "needs permissions to edit" in refused.text) == (403, True)
    assert dana.ask("DELETE", path).status_code == 403
    assert dana.get(path) == before
    me = dana.get("/_apis/connectionData")["authenticatedUser"]["descriptor"]
    entry = {"descriptor": me, "allow": CHANGE, "deny": 0}
    body = {"token": f"{before['project']['id']}/{before['id']}", "accessControlEntries": [entry]}
    assert dana.ask("POST", f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}", body).status_code == 403


def test_her_own_pipeline_she_does_edit(admin: Person, dana: Person) -> None:
    """As Azure DevOps lets contributors by default: without the denial the attack is let pass."""
    admin.post("git/repositories", {"name": "hers"})
    dana.commit("hers", {"azure-pipelines.yml": "trigger: none\nsteps: [{bash: 'true'}]\n"})
    path = f"build/definitions/{dana.pipeline('hers', 'hers')}"
    assert dana.ask("PUT", path, EDITS["another file"](dana.get(path))).ok
    assert dana.ask("DELETE", path).ok


def test_a_denial_that_was_taken_back_is_found_and_made_again(
    admin: Person, dana: Person, provisioned: Platform
) -> None:
    present = Present(connect(provisioned))
    (group,) = present.identities("[weather]\\Contributors")
    token = f"{present.project()}/{present.pipeline('seattle-rain-deploy')}"
    entry = {"descriptor": group.descriptor, "allow": CHANGE, "deny": 0}
    body = {"token": token, "merge": True, "accessControlEntries": [entry]}
    admin.post(f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}", body)
    (line,) = planned(provisioned, present)
    assert line.summary == "~ [weather]\\Contributors may not change pipeline seattle-rain-deploy"
    assert [str(one) for one in line.differences] == [f"deny: was 0, will be {CHANGE}"]
    assert [one.summary for one in provision.unguarded(provisioned, present)] == [line.summary]
    line.carry_out(present)
    assert planned(provisioned, Present(connect(provisioned))) == []


def test_a_variable_of_a_pipeline_is_found_and_taken_away(admin: Person, provisioned: Platform) -> None:
    """An administrator may put one there; each run's steps would have it in their environment."""
    path = f"build/definitions/{number(admin, 'seattle-rain-deploy')}"
    assert admin.ask("PUT", path, EDITS["a variable"](admin.get(path))).ok
    present = Present(connect(provisioned))
    (line,) = planned(provisioned, present)
    assert [str(one) for one in line.differences] == ["variables: was BASH_ENV, will be none"]
    assert [one.summary for one in provision.unguarded(provisioned, present)] == [line.summary]
    line.carry_out(present)
    assert admin.get(path)["variables"] == {}
