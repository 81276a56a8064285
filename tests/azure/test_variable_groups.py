"""Variable groups of platform.yaml: made, mended, and gone again; for the pipelines that it names only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from isthmus.azure import provision, runs
from isthmus.azure.client import connect
from isthmus.azure.contents import Folders
from isthmus.azure.present import CHECKS, Present
from isthmus.azure.wanted import wanted
from isthmus.config import Platform
from isthmus.config.variables import VariableGroup
from isthmus.errors import BadInput
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import PROJECT, StandIn, running

BUILD, CHECK = "seattle-rain-build", "seattle-rain-pull-request"
VALUES = {"SEASON": "winter", "ROWS": "500"}
USING = "trigger: none\nvariables: [{group: weather}]\nsteps: [{bash: 'echo it is $(SEASON)'}]\n"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("variables")) as found:
        yield found


def asking(platform: Platform, **changed: Any) -> Platform:
    group = {"name": "weather", "values": VALUES, "pipelines": [BUILD]} | changed
    groups = [VariableGroup.model_validate(group)]
    return platform.model_copy(
        update={"azure": platform.azure.model_copy(update={"variable_groups": groups})}
    )


def planned(platform: Platform, folders: Folders) -> list[str]:
    found = provision.plan(platform, folders, Present(connect(platform)))
    return [line for one in found for line in one.lines]


@pytest.fixture
def with_group(platform: Platform, folders: Folders) -> Platform:
    more = asking(platform)
    provision.apply(more, folders)
    assert planned(more, folders) == []
    return more


def by_hand(present: Present, variables: dict[str, Any]) -> None:
    found = present.variable_group("weather")
    assert found is not None
    project = {"projectReference": {"id": present.project(), "name": PROJECT}, "name": "weather"}
    body = {"name": "weather", "description": found.description, "type": "Vsts", "variables": variables}
    body["variableGroupProjectReferences"] = [project]
    present.clients.get_task_agent_client().update_variable_group(body, found.id)


def test_a_run_of_the_pipelines_that_it_names_has_its_values_and_no_other(
    with_group: Platform, empty: StandIn, folders: Folders
) -> None:
    present, admin = Present(connect(with_group)), empty.person("admin")
    assert present.authorized("variablegroup", "weather") == {present.pipeline(BUILD)}
    admin.post("git/repositories", {"name": "vars"})
    admin.commit("vars", {"azure-pipelines.yml": USING})
    stranger = admin.pipeline("stranger", "vars")
    over = admin.until_over(admin.run(stranger)["id"])
    assert over["result"] == "failed"
    told = str(admin.get(f"build/builds/{over['id']}/timeline"))
    assert "not authorized to use the variable group 'weather'" in told
    key = present.resource("variablegroup", "weather")
    body = {"pipelines": [{"id": stranger, "authorized": True}], "allPipelines": {"authorized": True}}
    admin.patch(f"pipelines/pipelinepermissions/variablegroup/{key}?api-version={CHECKS}", body)
    over = admin.until_over(admin.run(stranger)["id"])
    assert over["result"] == "succeeded"
    client = present.client
    logs = [one["log"]["id"] for one in runs.timeline(client, over["id"]) if one["type"] == "Task"]
    assert any("it is winter" in runs.log(client, over["id"], log) for log in logs)
    assert planned(with_group, folders) == [
        "~ variable group weather: no longer usable by every pipeline",
        "    allPipelines.authorized: was true, will be false",
        "~ variable group weather: no longer usable by stranger",
        "    stranger: was allowed, will be not allowed",
    ]
    provision.apply(with_group, folders)
    assert planned(with_group, folders) == []


def test_what_is_changed_by_hand_is_told_and_mended_and_no_secret_is_shown(
    with_group: Platform, folders: Folders
) -> None:
    present = Present(connect(with_group))
    more = {"DB_PASSWORD": {"value": "hunter2"}, "KEY": {"value": "AKIAIOSFODNN7EXAMPLE"}}
    by_hand(present, {"SEASON": {"value": "summer"}, "ROWS": {"value": "500", "isSecret": True}} | more)
    assert planned(with_group, folders) == [
        "~ variable group weather: SEASON, ROWS",
        "    SEASON: was summer, will be winter",
        "    ROWS: was a secret, will be 500",
        "    DB_PASSWORD: was a secret, will be null",
        "    KEY: was a secret, will be null",
    ]
    provision.apply(with_group, folders)
    present.forget()
    found = present.variable_group("weather")
    assert found and {name: one.value for name, one in found.variables.items()} == VALUES


def test_one_that_is_asked_for_no_longer_goes_and_what_others_made_stays(
    with_group: Platform, platform: Platform, folders: Folders
) -> None:
    present = Present(connect(with_group))
    project = {"id": present.project(), "name": PROJECT}
    theirs = {"name": "theirs", "type": "Vsts", "variables": {"A": {"value": "1"}}}
    theirs["variableGroupProjectReferences"] = [{"projectReference": project, "name": "theirs"}]
    present.clients.get_task_agent_client().add_variable_group(theirs)
    assert planned(platform, folders) == ["- variable group weather"]
    provision.apply(platform, folders)
    present.forget()
    assert [one.name for one in present.every("variablegroup")] == ["theirs"]
    assert planned(platform, folders) == []


def test_a_pipeline_that_is_none_is_told_with_the_nearest(platform: Platform) -> None:
    with pytest.raises(BadInput, match="no pipeline 'seattle-rain-biuld'; did you mean 'seattle-rain-build'"):
        wanted(asking(platform, pipelines=["seattle-rain-biuld"]))


def test_the_page_shows_one_that_can_be_asked_for(platform: Platform) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "docs/azure.md").read_text(), re.S)
    (shown,) = yaml.safe_load(block)["azure"]["variable_groups"]
    (group,) = wanted(asking(platform, **shown)).variable_groups
    assert group.name == "weather-build"
