"""`isthmus pending` against a local AWS and Azure DevOps: what waits, how long, for whom, how to decide."""

from __future__ import annotations

import pytest

from isthmus.azure import approvals, runs
from isthmus.azure.client import Client
from isthmus.errors import BadInput, Problem
from tests.local.azure_devops.standin import StandIn, until
from tests.local.sagemaker.conftest import Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell, register, signed_in
from tests.operate.test_commands import fails


def test_a_version_waits_with_its_metrics_its_approver_and_the_command(shell: Shell) -> None:
    said = shell.says("pending")
    told = said.partition(f"{MODEL}/3 has waited ")[2].splitlines()
    assert told[0].endswith("for whoever may be isthmus-approver")
    assert told[1:4] == [
        "  auc 0.730 [0.680, 0.780]",
        "  gain 0.020 [0.010, 0.030] over version 1 on the same 91 rows",
        f"  do: isthmus approve {MODEL} 3",
    ]
    assert told[4].endswith("/contoso/weather/_build/results?buildId=43")
    assert "Azure DevOps was not asked" in said


def test_a_gain_that_chance_may_have_made_is_called_noise(shell: Shell, aws: Aws) -> None:
    arn = register(aws, value=0.72, run_id="70", compared=True)
    sagemaker = aws.client("sagemaker")
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"gain_low": "-0.01"})
    number = arn.rpartition("/")[2]
    (found,) = (one for one in shell.json("pending")["waiting"] if one["version"] == arn)
    assert found["inside_noise"] is True
    told = shell.says("pending").partition(f"{MODEL}/{number} has waited ")[2].splitlines()
    assert told[2].endswith("on the same 91 rows, inside noise")
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    assert f"{MODEL}/{number} has waited" not in shell.says("pending")


def test_a_stage_waits_for_its_approvers_with_the_version_it_would_deploy(
    shell: Shell, azure: StandIn
) -> None:
    found = shell.json("pending", **signed_in(azure))
    (stage,) = (one for one in found["waiting"] if one["kind"] == "stage")
    assert found["azure"] == "asked"
    assert stage["version"] == f"{GROUP_ARN}/1"
    assert stage["metric"]["value"] == 0.71
    assert "release-approvers" in stage["approvers"][0]
    assert stage["about"] == ["environment prod", f"service connection isthmus-{MODEL}-deploy-prod"]
    said = shell.says("pending", **signed_in(azure))
    assert f"{stage['name']} has waited" in said
    assert f"  {MODEL}/1\n  auc 0.710" in said
    assert f"  do: {stage['do']}\n  see: {stage['link']}" in said


def test_a_run_of_the_infrastructure_that_waits_is_among_them(shell: Shell, azure: StandIn) -> None:
    client = Client(azure.organization_url, "weather", azure.token("admin"))
    run = runs.queue(client, "infrastructure").id
    until(lambda: approvals.pending(client, run))
    waiting = shell.json("pending", **signed_in(azure))["waiting"]
    (stage,) = (one for one in waiting if one["name"] == f"run {run} of infrastructure")
    assert stage["do"] == f"isthmus azure approve {run}"


def test_what_waits_too_long_fails_a_schedule(shell: Shell, aws: Aws) -> None:
    arn = register(aws, value=0.8, run_id="71")
    assert shell.run("pending", "--older-than", "2d").exit_code == 0
    # The registry of the test is minutes old, and no age is shorter than a minute.
    from isthmus.operate import pending

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pending, "since", lambda _: pending.timedelta(days=3))
        said = fails(shell, Problem, "pending", "--older-than", "2d")
    assert "waits longer than 2d" in said and f"{MODEL}/{arn.rpartition('/')[2]}" in said
    aws.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")


@pytest.mark.parametrize("text", ["2", "d", "-1d", "0d", "2w", "1.5h"])
def test_an_age_that_is_none_is_said(shell: Shell, text: str) -> None:
    assert "is no age" in fails(shell, BadInput, "pending", "--older-than", text)
