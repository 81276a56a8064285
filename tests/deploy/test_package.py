"""Which versions may be deployed at all; the registry's answers are botocore's own shapes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from isthmus.config import Platform
from isthmus.deploy.commands import gate
from isthmus.deploy.package import Package, check_arn, describe, read
from isthmus.errors import BadInput, NotFound, Problem, Refused
from tests.deploy.conftest import CHECKOUT, REPOSITORY

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/3"
IMAGE = f"222233334444.dkr.ecr.eu-west-1.amazonaws.com/isthmus/tabular@sha256:{'0' * 64}"


def answer(**other: Any) -> dict[str, Any]:
    """What the registry says of an approved version."""
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    return {
        "ModelPackageName": "seattle-rain-3",
        "ModelPackageGroupName": "seattle-rain",
        "ModelPackageVersion": 3,
        "ModelPackageArn": ARN,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": datetime(2026, 11, 21, tzinfo=UTC),
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [container]},
        "CustomerMetadataProperties": {"evaluation_uri": "s3://b/e", "baseline_uri": "s3://b/b"},
        "LastModifiedTime": datetime(2026, 11, 20, 12, 0, 30, tzinfo=timezone(timedelta(hours=2))),
        "LastModifiedBy": {"IamIdentity": {"Arn": "arn:aws:sts::222233334444:assumed-role/approver/ada"}},
    } | other


def described(**other: Any) -> Package:
    sagemaker = boto3.client(
        "sagemaker", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(sagemaker) as stub:
        stub.add_response("describe_model_package", answer(**other), {"ModelPackageName": ARN})
        return describe(sagemaker, ARN)


def refused(code: str, message: str) -> Problem:
    sagemaker = boto3.client(
        "sagemaker", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(sagemaker) as stub:
        stub.add_client_error("describe_model_package", code, message)
        with pytest.raises(Problem) as caught:
            describe(sagemaker, ARN)
    return caught.value


def test_an_approved_version_is_taken_with_all_that_serving_needs(tmp_path: Path) -> None:
    package = described()
    assert (package.arn, package.model, package.version, package.image) == (ARN, "seattle-rain", 3, IMAGE)
    assert (package.evaluation, package.baseline) == ("s3://b/e", "s3://b/b")
    assert package.metadata["approved_by"] == "ada"
    assert package.metadata["approved_at"] == "2026-11-20T10:00:30+00:00"
    package.write(tmp_path)
    assert read(tmp_path) == package


def test_who_approved_stays_who_approved() -> None:
    """A later deployment is the last to change the version; what was recorded of the approval counts then."""
    approval = {"approved_by": "grace", "approved_at": "2026-11-19T08:00:00+00:00"}
    known = answer()["CustomerMetadataProperties"] | approval
    by_run = {"IamIdentity": {"Arn": "arn:aws:sts::333344445555:assumed-role/isthmus-x-deploy/azure-run-7"}}
    assert (
        approval.items()
        <= described(CustomerMetadataProperties=known, LastModifiedBy=by_run).metadata.items()
    )


def test_whoever_approves_is_who_approved_whatever_they_write() -> None:
    known = answer()["CustomerMetadataProperties"] | {"approved_by": "grace", "approved_at": "never"}
    found = described(CustomerMetadataProperties=known).metadata
    assert (found["approved_by"], found["approved_at"]) == ("ada", "2026-11-20T10:00:30+00:00")


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"ModelApprovalStatus": "PendingManualApproval"}, "not approved: PendingManualApproval"),
        ({"ModelApprovalStatus": "Rejected"}, "not approved: Rejected"),
        ({"ModelPackageStatus": "Failed"}, "not complete: Failed"),
        ({"InferenceSpecification": {"Containers": [{"Image": IMAGE}] * 2}}, "one image by digest"),
        (
            {"InferenceSpecification": {"Containers": [{"Image": "repo:latest", "ModelDataUrl": "s3://x"}]}},
            "by digest",
        ),
        ({"InferenceSpecification": {"Containers": [{"Image": IMAGE}]}}, "no model artifact"),
        ({"CustomerMetadataProperties": {"evaluation_uri": "s3://b/e"}}, "baseline_uri"),
    ],
)
def test_what_cannot_be_served_is_refused(other: dict[str, Any], what: str) -> None:
    with pytest.raises(Refused, match=what) as caught:
        described(**other)
    assert (ARN in caught.value.what and caught.value.todo) or "complete" in what


def test_a_missing_version_is_told_from_a_forbidden_one() -> None:
    assert isinstance(refused("ValidationException", f"ModelPackage {ARN} does not exist."), NotFound)
    forbidden = refused("AccessDeniedException", "not authorized")
    assert isinstance(forbidden, Refused) and "not authorized" in forbidden.what


@pytest.mark.parametrize("arn", ["", "seattle-rain", ARN.rsplit("/", 1)[0], f"{ARN}\n", ARN + "/x"])
def test_what_is_no_arn_of_a_version_is_bad_input(arn: str, platform: Platform) -> None:
    with pytest.raises(BadInput, match="not the ARN"):
        check_arn(platform, arn)


def test_only_the_platforms_registry_and_models_count(platform: Platform) -> None:
    assert check_arn(platform, ARN) == ARN
    for foreign in (ARN.replace("222233334444", "999999999999"), ARN.replace("eu-west-1", "us-east-1")):
        with pytest.raises(Refused, match="another registry"):
            check_arn(platform, foreign)
    with pytest.raises(BadInput, match="did you mean 'seattle-rain'"):
        check_arn(platform, ARN.replace("seattle-rain", "seattle-train"))


def test_an_assembly_without_its_version_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no model-package\.json"):
        read(tmp_path)
    (tmp_path / "model-package.json").write_text("{}")
    with pytest.raises(BadInput, match="not the description"):
        read(tmp_path)


def test_the_gates_of_one_model_are_not_run_on_the_assembly_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described().write(tmp_path)
    written = json.loads((tmp_path / "model-package.json").read_text())
    (tmp_path / "model-package.json").write_text(json.dumps(written | {"model": "another"}))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(CHECKOUT / "platform.yaml"))
    monkeypatch.chdir(REPOSITORY)
    words = ["run", "--stage", "staging", "--assembly", str(tmp_path), "--results", str(tmp_path / "results")]
    wrong = CliRunner().invoke(gate, words).exception
    assert isinstance(wrong, BadInput) and "the assembly is of another" in wrong.what
    assert wrong.where == "deploy.yaml:2, model: seattle-rain"
