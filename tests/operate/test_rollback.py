"""`isthmus rollback`: which version a stage goes back to, what is refused, and the run that is queued."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus.errors import BadInput, NotFound, Refused
from isthmus.operate.earlier import earlier
from isthmus.operate.registry import Version
from tests.local.azure_devops.standin import StandIn
from tests.operate.conftest import GROUP_ARN, MODEL, Aws, Shell

WHY = ("--reason", "it fails on holidays")


def version(number: int, run: str = "", status: str = "Approved", **metadata: str) -> Version:
    ran = {"prod_run_id": run} if run else {}
    return Version(
        f"arn/{number}", MODEL, number, status, "Completed", "", "", {}, ran | metadata, "", "", "", ""
    )


def test_it_is_the_version_that_came_there_last_before() -> None:
    listed = [version(4), version(3, "44"), version(2, "9"), version(1, "41")]
    assert earlier(listed, "arn/3", "prod").number == 1
    # Version 1 has come back by run 50, and what was rolled back is not where one goes next.
    back = [version(3, "44", prod_rolled_back="run 50: Robin"), version(2, "9"), version(1, "50")]
    assert earlier(back, "arn/1", "prod").number == 2


def test_it_is_none_that_was_only_compared() -> None:
    compared = replace(version(3, "44"), stage="prod", stage_status="Challenger")
    assert earlier([compared, version(2, "9"), version(1, "8")], "arn/2", "prod").number == 1


def test_there_may_be_none_or_none_that_may_serve() -> None:
    with pytest.raises(NotFound, match="no earlier version in prod"):
        earlier([version(2, "41"), version(1)], "arn/2", "prod")
    listed = [version(3, "44"), version(2, "43", "Rejected"), version(1, "41", prod_rolled_back="run 42: x")]
    with pytest.raises(Refused, match=r"version 2 is Rejected; version 1 was rolled back by run 42: x"):
        earlier(listed, "arn/3", "prod")
    assert earlier([replace(one, status="Approved") for one in listed], "arn/3", "prod").number == 2


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--stage", "prod"), NotFound, "no earlier version in prod"),
        (("--stage", "staging"), NotFound, "does not serve staging"),
        (("--stage", "prod", "--to", "1"), Refused, "serves prod already"),
        (("--stage", "prod", "--to", "2"), Refused, "is not approved: PendingManualApproval"),
        (("--stage", "prod", "--to", "999"), NotFound, "no version '999'"),
    ],
)
def test_what_cannot_be_gone_back_to_is_refused(
    shell: Shell, words: tuple[str, ...], error: type[Exception], said: str
) -> None:
    done = shell.run("rollback", MODEL, *words, *WHY)
    assert isinstance(done.exception, error)
    assert said in str(done.exception)


def test_it_says_that_one_of_staging_goes_on_to_prod(shell: Shell) -> None:
    assert "waits for prod's approvals" in " ".join(shell.says("rollback", "--help").split())


def test_a_reason_is_asked_for_and_kept_short(shell: Shell) -> None:
    assert "--reason" in shell.run("rollback", MODEL, "--stage", "prod").output
    long = shell.run("rollback", MODEL, "--stage", "prod", "--reason", "x" * 200)
    assert isinstance(long.exception, BadInput)


def test_it_queues_the_version_with_who_and_why(shell: Shell, azure: StandIn, aws: Aws) -> None:
    """Version 3 served prod before, says the registry; version 1 serves."""
    sagemaker = aws.client("sagemaker")
    arn = f"{GROUP_ARN}/3"
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", CustomerMetadataProperties={"prod_run_id": "40"}
    )
    try:
        signed_in = {"AZURE_DEVOPS_URL": azure.organization_url, "AZURE_DEVOPS_TOKEN": azure.token("robin")}
        said = shell.says("rollback", MODEL, "--stage", "prod", *WHY, **signed_in)
        assert f"{MODEL} in prod goes from version 1 to 3: run " in said
        assert "somebody of release-approvers other than you lets it pass" in said
        number = int(said.split("run ")[1].split()[0])
        queued = azure.person("robin").get(f"/weather/_apis/build/builds/{number}")
        assert queued["templateParameters"]["modelPackageArn"] == arn
        assert queued["templateParameters"]["rollback"].endswith(": it fails on holidays")
        assert queued["definition"]["name"] == f"{MODEL}-deploy"
    finally:
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataPropertiesToRemove=["prod_run_id"],
        )
