"""The model registry: versions, approvals and who gave them, policies for other accounts, tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import AUTOMATION, PROD, REGION, Aws

REGISTRY = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}"


def group(aws: Aws, name: str) -> Any:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="d")
    return sagemaker


def register(aws: Aws, name: str, **more: Any) -> str:
    container = {"Image": aws.image or "image", "ModelDataUrl": aws.model("registered")}
    inference = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    answer = aws.client("sagemaker").create_model_package(
        ModelPackageGroupName=name, InferenceSpecification=inference, **more
    )
    arn: str = answer["ModelPackageArn"]
    return arn


def test_versions_count_up_and_are_never_given_twice(aws: Aws) -> None:
    sagemaker = group(aws, "versions")
    arns = [register(aws, "versions") for _ in range(2)]
    assert arns == [f"{REGISTRY}:model-package/versions/{n}" for n in (1, 2)]
    sagemaker.delete_model_package(ModelPackageName=arns[1])
    assert register(aws, "versions").endswith("/3")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="versions")["ModelPackageSummaryList"]
    assert [one["ModelPackageVersion"] for one in listed] == [1, 3]
    with pytest.raises(ClientError, match="cannot be deleted: it has model packages"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="versions")


def test_who_approved_is_known(aws: Aws) -> None:
    sagemaker = group(aws, "approved")
    arn = register(aws, "approved", CustomerMetadataProperties={"commit": "abc", "reason": "merge"})
    aws.role("approver", [{"Effect": "Allow", "Action": "sagemaker:UpdateModelPackage", "Resource": "*"}])
    aws.client("sagemaker", role="approver").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="beats the champion"
    )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "beats the champion"
    identity = package["LastModifiedBy"]["IamIdentity"]
    assert identity["Arn"] == f"arn:aws:sts::{AUTOMATION}:assumed-role/approver/ada"
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelLifeCycle={"Stage": "staging", "StageStatus": "InService"},
        CustomerMetadataProperties={"stage": "staging"},
        CustomerMetadataPropertiesToRemove=["reason"],
    )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"commit": "abc", "stage": "staging"}
    assert package["ModelLifeCycle"] == {"Stage": "staging", "StageStatus": "InService"}
    assert package["ModelApprovalStatus"] == "Approved"


def test_only_who_may_approve_approves(aws: Aws) -> None:
    """A deployer may write the stage on a package, and not the approval: SageMaker's own condition key."""
    group(aws, "guarded")
    arn = register(aws, "guarded")
    only_stage = {
        "Effect": "Allow",
        "Action": "sagemaker:UpdateModelPackage",
        "Resource": f"{REGISTRY}:model-package/guarded/*",
        "Condition": {"Null": {"sagemaker:ModelApprovalStatus": "true"}},
    }
    aws.role("deployer", [only_stage])
    deployer = aws.client("sagemaker", role="deployer")
    deployer.update_model_package(
        ModelPackageArn=arn, ModelLifeCycle={"Stage": "prod", "StageStatus": "InService"}
    )
    with pytest.raises(
        ClientError, match="not authorized to perform: sagemaker:UpdateModelPackage"
    ) as refusal:
        deployer.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError, match="sagemaker:DescribeModelPackage"):
        deployer.describe_model_package(ModelPackageName=arn)


def test_lists_by_approval(aws: Aws) -> None:
    sagemaker = group(aws, "filtered")
    arns = [register(aws, "filtered") for _ in range(3)]
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Rejected")

    def listed(**filters: Any) -> list[str]:
        answer = sagemaker.list_model_packages(ModelPackageGroupName="filtered", **filters)
        return [one["ModelPackageArn"] for one in answer["ModelPackageSummaryList"]]

    assert listed(ModelApprovalStatus="Rejected") == [arns[1]]
    assert listed(SortBy="CreationTime", SortOrder="Descending") == arns[::-1]
    assert listed(MaxResults=1) == [arns[0]]
    assert listed(ModelApprovalStatus="PendingManualApproval") == [arns[0], arns[2]]


def test_another_account_uses_a_package_as_far_as_the_policy_goes(aws: Aws) -> None:
    sagemaker = group(aws, "shared")
    arn = register(aws, "shared", ModelApprovalStatus="Approved")
    role = aws.role("model", [{"Effect": "Allow", "Action": "*", "Resource": "*"}], PROD)
    there = aws.client("sagemaker", PROD)

    def create(name: str) -> None:
        there.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": arn})

    for attempt in (lambda: create("early"), lambda: there.describe_model_package(ModelPackageName=arn)):
        with pytest.raises(ClientError, match="is not authorized to perform"):
            attempt()
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"},
        "Action": ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
        "Resource": f"{REGISTRY}:model-package/shared/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName="shared", ResourcePolicy=policy)
    found = sagemaker.get_model_package_group_policy(ModelPackageGroupName="shared")
    assert json.loads(found["ResourcePolicy"])["Statement"] == [statement]
    create("late")
    assert there.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    with pytest.raises(ClientError, match="is not authorized to perform: sagemaker:UpdateModelPackage"):
        there.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    with pytest.raises(ClientError, match="is not authorized to perform"):
        aws.client("sagemaker", "333344445555").describe_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName="shared")
    with pytest.raises(ClientError, match="is not authorized to perform"):
        there.describe_model_package(ModelPackageName=arn)


def test_tags(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    answer = sagemaker.create_model_package_group(
        ModelPackageGroupName="tagged", Tags=[{"Key": "team", "Value": "weather"}]
    )
    arn = answer["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.list_tags(ResourceArn=arn + "x")


def test_nothing_is_done_for_the_unsigned(aws: Aws) -> None:
    import urllib.request

    request = urllib.request.Request(
        aws.url,
        b"{}",
        {"X-Amz-Target": "SageMaker.ListPipelines", "Content-Type": "application/x-amz-json-1.1"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def test_a_version_uses_the_tags_of_its_group_and_has_none_of_its_own(aws: Aws) -> None:
    """One statement about a tag then reaches the versions of every model of the platform, and no other."""
    sagemaker = aws.client("sagemaker")
    for name, platform in (("ours", "isthmus"), ("theirs", "another")):
        sagemaker.create_model_package_group(
            ModelPackageGroupName=name, Tags=[{"Key": "platform", "Value": platform}]
        )
    ours, theirs = register(aws, "ours"), register(aws, "theirs")
    assert sagemaker.list_tags(ResourceArn=ours)["Tags"] == [{"Key": "platform", "Value": "isthmus"}]
    with pytest.raises(ClientError, match="uses those of its group"):
        register(aws, "ours", Tags=[{"Key": "platform", "Value": "another"}])
    may = {"Effect": "Allow", "Action": "sagemaker:DescribeModelPackage", "Resource": "*"}
    aws.role("tagged", [may | {"Condition": {"StringEquals": {"aws:ResourceTag/platform": "isthmus"}}}])
    reader = aws.client("sagemaker", role="tagged")
    assert reader.describe_model_package(ModelPackageName=ours)["ModelPackageArn"] == ours
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.describe_model_package(ModelPackageName=theirs)
