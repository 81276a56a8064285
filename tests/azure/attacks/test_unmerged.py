"""A run may name main, which branch control believes, and a commit that nobody has merged."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.azure.client import Client
from isthmus.azure.merged import unmerged
from isthmus.azure.runs import cancel, failures, get, timeline
from tests.azure.attacks.conftest import number
from tests.local.azure_devops.standin import PROJECT, Person, StandIn, until

MAIN = "refs/heads/main"
ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/isthmus-seattle-rain/1"
# Each pipeline that enters AWS, with its repository.
PIPELINES = {
    "seattle-rain-build": ("model-build", {}),
    "seattle-rain-deploy": ("model-deploy", {"modelPackageArn": ARN}),
    "infrastructure": ("platform", {"do": "audit"}),
}
EVIL = """
parameters:
- {name: modelPackageArn, type: string}
- {name: approvalKey, type: string}
- {name: correlationId, type: string}
- {name: rollback, type: string}
- {name: promote, type: string}
steps: [{bash: 'true'}]
"""


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_it_takes_no_token(pipeline: str, dana: Person, empty: StandIn) -> None:
    repository, parameters = PIPELINES[pipeline]
    commit = dana.commit(repository, {"evil.txt": "mine"}, branch=f"evil-{pipeline}")
    run = queue(dana, pipeline, parameters, commit)
    build = dana.until_over(run["id"])
    assert (build["sourceBranch"], build["sourceVersion"]) == (MAIN, commit)
    client = Client(empty.organization_url, PROJECT, dana.token)
    assert f"commit {commit} is not on main of {repository}" in failures(client, run["id"])[0]
    steps = [one for one in timeline(client, run["id"]) if one["type"] == "Task"]
    # Nothing of the commit ran before it, and after it only what publishes what there is.
    ran = [one["name"] for one in steps if one["result"] not in ("skipped", None)]
    assert ran[0] == "See that the commit is merged"
    assert set(ran[1:]) <= {"Test results", "Publish the findings as SARIF"}


def test_what_is_merged_goes_on(dana: Person, empty: StandIn) -> None:
    tip = dana.every("git/repositories/platform/refs", filter="heads/main")[0]["objectId"]
    run = queue(dana, "infrastructure", {"do": "audit"}, tip)["id"]
    client = Client(empty.organization_url, PROJECT, dana.token)

    def looked() -> str:
        named = [one for one in timeline(client, run) if one["name"] == "See that the commit is merged"]
        return next((one["result"] for one in named if one.get("result") not in (None, "skipped")), "")

    assert until(looked) == "succeeded"
    cancel(client, run)
    dana.until_over(run)
    assert unmerged(client, get(client, run)) == []


def test_the_audit_sees_templates_that_nobody_merged(dana: Person, empty: StandIn) -> None:
    """Which may have left out that first step, and passed branch control and required template as main's."""
    commit = dana.commit("platform", {"azure-pipelines/model-deploy.yml": EVIL}, branch="evil-template")
    body = {
        "resources": {"repositories": {"self": {"refName": MAIN}, "platform": {"version": commit}}},
        "templateParameters": {"modelPackageArn": ARN},
    }
    run = dana.post(f"pipelines/{number(dana, 'seattle-rain-deploy')}/runs", body)["id"]
    assert dana.until_over(run)["result"] == "succeeded"
    client = Client(empty.organization_url, PROJECT, dana.token)
    assert unmerged(client, get(client, run)) == [
        f"run {run} ran commit {commit[:9]} of platform, which is not on main"
    ]


def queue(person: Person, pipeline: str, parameters: dict[str, str], commit: str) -> Any:
    body = {
        "resources": {"repositories": {"self": {"refName": MAIN, "version": commit}}},
        "templateParameters": parameters,
    }
    return person.post(f"pipelines/{number(person, pipeline)}/runs", body)
