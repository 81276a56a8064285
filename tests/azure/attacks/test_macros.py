"""A macro in a value is expanded where a step gets it: `$(System.AccessToken)` to the token of the job."""

from __future__ import annotations

import pytest

from tests.azure.attacks.conftest import number
from tests.azure.attacks.test_queue_time import log
from tests.local.azure_devops.standin import Person

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/isthmus-seattle-rain/1"
HOSTILE = (
    "$(System.AccessToken)",
    "a$[variables.x]",
    "${{ variables.x }}",
    "a\n##vso[task.complete]",
    "##[error]x",
)
# Every parameter that is text, of each pipeline that has a token.
OPEN = {
    "seattle-rain-build": ("correlationId", "triggerKey", "dataSet"),
    "seattle-rain-deploy": ("modelPackageArn", "approvalKey", "correlationId", "rollback"),
    "infrastructure": ("name", "owner", "team", "id", "scientists"),
}
TELL = """
trigger: none
variables: {mine: 'is $(System.AccessToken)', theirs: 'is $(mine)', plain: 'is $(Build.DefinitionName)'}
steps:
- bash: echo "[$BUILD_SOURCEVERSIONMESSAGE] [$MINE] [$THEIRS] [$PLAIN]"
"""


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(("pipeline", "name"), [(one, name) for one, names in OPEN.items() for name in names])
def test_no_parameter_holds_one(dana: Person, pipeline: str, name: str, value: str) -> None:
    given = {"modelPackageArn": ARN} if pipeline == "seattle-rain-deploy" else {}
    path = f"pipelines/{number(dana, pipeline)}/runs"
    before = dana.every(path)
    refused = dana.ask("POST", path, {"templateParameters": given | {name: value}})
    assert (refused.status_code, refused.json()["typeKey"]) == (400, "PipelineValidationException")
    assert "'a macro, an expression or a logging command' is not a value" in refused.json()["message"]
    assert dana.every(path) == before


def test_text_of_people_goes_through(dana: Person) -> None:
    text = "rolled back: costs $5 (or 5%), see #12 [of 3]"
    body = {"templateParameters": {"modelPackageArn": ARN, "rollback": text}, "previewRun": True}
    found = dana.post(f"pipelines/{number(dana, 'seattle-rain-deploy')}/preview", body)
    assert "costs $5" in found["finalYaml"]


def test_nobodys_message_carries_a_token_into_a_steps_environment(admin: Person, dana: Person) -> None:
    """As Azure Pipelines has it: what a secret went into is secret, and no secret is in the environment."""
    admin.post("git/repositories", {"name": "telling"})
    message = "$(System.AccessToken) is mine"
    admin.commit("telling", {"azure-pipelines.yml": TELL}, message=message)
    run = dana.run(admin.pipeline("telling", "telling"))
    assert dana.until_over(run["id"])["result"] == "succeeded"
    assert "[] [] [] [is telling]" in log(dana, run["id"])
