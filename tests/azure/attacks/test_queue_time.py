"""Variables that are given when a run is queued become the environment of its steps, and steer them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isthmus.azure import provision
from isthmus.azure.client import connect
from isthmus.azure.present import Present
from isthmus.config import Platform
from tests.azure.attacks.conftest import number, planned
from tests.local.azure_devops.standin import Person

STEERING = ("BASH_ENV", "PYTHONPATH", "PIP_INDEX_URL", "NODE_OPTIONS", "AWS_ENDPOINT_URL", "Path", "system.x")
REFUSAL = "You can't set the following variables ({}). If you want to be able to set these variables, "
SHOW = """
trigger: none
steps:
- bash: echo "level is $LEVEL"
- bash: exit 1
  condition: ne(variables['Build.DefinitionName'], '${{ variables['Build.DefinitionName'] }}')
"""


def queue(person: Person, pipeline: int, **variables: str) -> Any:
    body = {"variables": {name: {"value": value} for name, value in variables.items()}}
    return person.ask("POST", f"pipelines/{pipeline}/runs", body)


@pytest.mark.parametrize("kind", ["build", "deploy"])
@pytest.mark.parametrize("variable", STEERING)
def test_no_run_of_ours_takes_a_variable_that_nobody_declared(dana: Person, kind: str, variable: str) -> None:
    pipeline = number(dana, f"seattle-rain-{kind}")
    refused = queue(dana, pipeline, **{variable: "/tmp/evil"})
    assert (refused.status_code, refused.json()["typeKey"]) == (400, "PipelineValidationException")
    assert refused.json()["message"].startswith(REFUSAL.format(variable))
    older = {"definition": {"id": pipeline}, "parameters": json.dumps({variable: "/tmp/evil"})}
    refused = dana.ask("POST", "build/builds", older)
    assert (refused.status_code, variable in refused.json()["message"]) == (400, True)
    assert dana.every("build/builds", definitions=pipeline) == []


def test_who_switches_the_limit_off_is_found_and_it_is_switched_on_again(
    admin: Person, provisioned: Platform
) -> None:
    admin.patch("build/generalsettings", {"enforceSettableVar": False})
    present = Present(connect(provisioned))
    (line,) = planned(provisioned, present)
    assert line.kind == "drift" and "pipelines of the project: a run sets no variable" in line.summary
    assert [str(one) for one in line.differences] == ["enforceSettableVar: was false, will be true"]
    assert [one.summary for one in provision.unguarded(provisioned, present)] == [line.summary]
    line.carry_out(present)
    assert admin.get("build/generalsettings")["enforceSettableVar"] is True


def test_only_administrators_switch_it(dana: Person) -> None:
    assert dana.ask("PATCH", "build/generalsettings", {"enforceSettableVar": False}).status_code == 403
    assert dana.ask("PATCH", "build/generalsettings", {"enforceSettableVar": "no"}).status_code == 403


def test_a_variable_that_a_pipeline_lets_be_set_reaches_the_steps(admin: Person, dana: Person) -> None:
    """And nobody says by another spelling what Azure DevOps predefines."""
    admin.post("git/repositories", {"name": "settable"})
    admin.commit("settable", {"azure-pipelines.yml": SHOW})
    pipeline = admin.pipeline("settable", "settable")
    found = admin.get(f"build/definitions/{pipeline}")
    found["variables"] = {
        "level": {"value": "low", "allowOverride": True},
        "fixed": {"value": "x"},
        "BUILD.DEFINITIONNAME": {"value": "", "allowOverride": True},
    }
    assert admin.ask("PUT", f"build/definitions/{pipeline}", found).ok
    assert queue(dana, pipeline, fixed="y").status_code == 400
    run = queue(dana, pipeline, LEVEL="high", **{"build.definitionname": "another"}).json()
    assert dana.until_over(run["id"])["result"] == "succeeded"
    assert "level is high" in log(dana, run["id"])
    assert "level is low" in log(dana, dana.until_over(queue(dana, pipeline).json()["id"])["id"])


def log(person: Person, run: int) -> str:
    logs = person.every(f"build/builds/{run}/logs")
    return "\n".join(
        line for one in logs for line in person.get(f"build/builds/{run}/logs/{one['id']}")["value"]
    )
