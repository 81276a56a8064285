"""What a rule approved, and what was trained in the shadow, is shown as that wherever versions are."""

from __future__ import annotations

import pytest

from isthmus import markdown
from isthmus.build import champion
from tests.local.sagemaker.conftest import Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell, register

RULE = f"Approved automatically by retraining.approve of {MODEL}: gain 0.29 [0.151, 0.428] over version 1"


@pytest.fixture
def automatic(aws: Aws) -> str:
    """The number of a version that the bridge approved."""
    arn = register(aws, value=0.8, run_id="70", compared=True, reason="retrain")
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription=RULE,
        CustomerMetadataProperties={"approved_by": "automatic"},
    )
    return arn.rpartition("/")[2]


@pytest.fixture
def shadow(aws: Aws) -> str:
    """The number of a version of a retraining that a drift of inputs started."""
    return register(aws, value=0.8, run_id="71", compared=True, reason="drift").rpartition("/")[2]


def test_an_approval_by_rule_is_shown_with_its_rule_and_figures(shell: Shell, automatic: str) -> None:
    said = shell.says("lineage", MODEL, automatic)
    assert "Approved by a rule and no person" in said and RULE in said
    assert "Approved by a rule and no person." in shell.says("evidence", MODEL, automatic)
    assert f"> {markdown.text(RULE)}" in shell.says("evidence", MODEL, automatic)
    assert " automatic, " in shell.says("models", MODEL, COLUMNS="200")
    one = next(each for each in shell.json("models") if str(each["number"]) == automatic)
    assert (one["automatic"], one["approved_by"], one["is_shadow"]) == (True, "automatic", False)
    first = next(each for each in shell.json("models") if each["number"] == 1)
    assert (first["automatic"], first["approved_by"]) == (False, "ada")


def test_a_person_who_rejects_it_is_the_one_who_decided(shell: Shell, automatic: str) -> None:
    shell.says("reject", MODEL, automatic, "--comment", "not this one")
    one = next(each for each in shell.json("models") if str(each["number"]) == automatic)
    assert not one["automatic"] and one["decided_by"] not in ("", "automatic")


def test_a_shadow_waits_for_nobody_and_is_called_one(shell: Shell, shadow: str) -> None:
    waiting = {one["name"] for one in shell.json("pending")["waiting"]}
    assert f"{MODEL}/3" in waiting and f"{MODEL}/{shadow}" not in waiting
    assert f"{MODEL}/{shadow} waits" not in shell.says("status")
    lines = [one.split() for one in shell.says("models", MODEL).splitlines()]
    assert [one[1] for one in lines if one[0] == f"{MODEL}/{shadow}"] == ["shadow"]
    assert "a shadow: it waits for nobody" in shell.says("lineage", MODEL, shadow)
    assert "A shadow: it was trained because inputs drifted" in shell.says("evidence", MODEL, shadow)
    # Whoever wants it after all may have it.
    shell.says("approve", MODEL, shadow, "--comment", "better than what serves")
    assert "shadow" not in shell.says("models", MODEL)


def test_the_version_to_beat_is_the_one_that_serves_and_no_later_one_that_was_rolled_back(
    aws: Aws, automatic: str
) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.update_model_package(
        ModelPackageArn=f"{GROUP_ARN}/{automatic}",
        ModelLifeCycle={"Stage": "prod", "StageStatus": "Retired"},
    )
    best = champion.in_prod(sagemaker, MODEL)
    assert best and best["ModelPackageArn"] == f"{GROUP_ARN}/1"
