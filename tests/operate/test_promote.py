"""A comparison in prod is ended by a run of the deploy pipeline, in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from isthmus.errors import NotFound, Refused
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import PROD, Aws, until
from tests.operate.conftest import GROUP_ARN, MODEL, Shell

WHY = ("--reason", "it is better")
COMPARED = f"{MODEL}-compared"


@pytest.fixture(scope="module")
def compared(aws: Aws) -> Iterator[str]:
    """Version 3 is mirrored to beside version 1."""
    sagemaker = aws.client("sagemaker", PROD)
    approve(aws, "Approved")
    sagemaker.create_model(
        ModelName="snow",
        ExecutionRoleArn=f"arn:aws:iam::{PROD}:role/isthmus-model",
        Containers=[{"ModelPackageName": f"{GROUP_ARN}/3"}],
    )
    production, shadow = (
        {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        for name, model in (("AllTraffic", "rain"), ("Challenger", "snow"))
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=COMPARED, ProductionVariants=[production], ShadowProductionVariants=[shadow]
    )
    served(aws, COMPARED)
    yield f"{GROUP_ARN}/3"
    served(aws, f"{MODEL}-c0ffee")
    sagemaker.delete_endpoint_config(EndpointConfigName=COMPARED)
    sagemaker.delete_model(ModelName="snow")
    approve(aws, "PendingManualApproval")


def approve(aws: Aws, status: str) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.update_model_package(ModelPackageArn=f"{GROUP_ARN}/3", ModelApprovalStatus=status)


def served(aws: Aws, config: str) -> None:
    sagemaker = aws.client("sagemaker", PROD)
    sagemaker.update_endpoint(EndpointName=MODEL, EndpointConfigName=config)
    until(lambda: sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointStatus"], "InService".__eq__)


def queued(shell: Shell, azure: StandIn, *words: str) -> tuple[str, dict[str, Any]]:
    signed_in = {"AZURE_DEVOPS_URL": azure.organization_url, "AZURE_DEVOPS_TOKEN": azure.token("robin")}
    said = shell.says(*words, **signed_in)
    number = int(said.split("run ")[1].split()[0])
    found: dict[str, Any] = azure.person("robin").get(f"/weather/_apis/build/builds/{number}")
    return said, found["templateParameters"]


def test_where_nothing_is_compared_there_is_nothing_to_promote(shell: Shell) -> None:
    done = shell.run("promote", MODEL, *WHY)
    assert isinstance(done.exception, NotFound) and "compares nothing in prod" in str(done.exception)
    assert "prod serves version 1 alone" in str(shell.run("compare", MODEL).exception)


def test_the_new_version_is_promoted_with_who_and_why(shell: Shell, azure: StandIn, compared: str) -> None:
    said, parameters = queued(shell, azure, "promote", MODEL, *WHY)
    assert f"{MODEL} in prod goes from version 1 to 3" in said
    assert parameters["modelPackageArn"] == compared
    assert parameters["promote"].endswith(": it is better")
    assert "approvalKey" not in parameters, "it is no approval, and stands in the way of none"


def test_or_it_is_taken_away_and_the_other_one_serves_alone(
    shell: Shell, azure: StandIn, compared: str
) -> None:
    said, parameters = queued(shell, azure, "rollback", MODEL, "--stage", "prod", *WHY)
    assert f"{MODEL} in prod goes from version 3 to 1" in said
    assert parameters["modelPackageArn"] == f"{GROUP_ARN}/1"
    assert parameters["rollback"].endswith(": it is better")


def test_status_shows_both(shell: Shell, compared: str) -> None:
    (prod,) = (one for one in shell.json("status")["endpoints"] if one["stage"] == "prod")
    assert (prod["version"], prod["challenger"], prod["shadow"]) == ("1", "3", True)
    assert ", mirrored to 3" in shell.says("status")


def test_what_is_no_longer_approved_is_not_promoted(shell: Shell, aws: Aws, compared: str) -> None:
    approve(aws, "Rejected")
    try:
        done = shell.run("promote", MODEL, *WHY)
    finally:
        approve(aws, "Approved")
    assert isinstance(done.exception, Refused) and "isthmus rollback" in str(done.exception.todo)
