"""Feature Store from platform.yaml: the groups as they are asked for, made and deleted in a local account."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus import names
from isthmus.config import read
from isthmus.config.platform import Platform
from isthmus.infra.manifest import find_stack
from tests.cdk.conftest import FULL
from tests.local.conftest import AUTOMATION, Aws, aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]


@pytest.fixture
def asked() -> Platform:
    return read(FULL, Platform)


def test_nothing_is_made_that_is_not_asked_for(assembly: Path, asked: Platform) -> None:
    assert not (assembly / f"{names.feature_stack(asked)}.template.json").exists()
    text = (assembly / f"{asked.name}-automation.template.json").read_text()
    assert names.feature_bucket(asked) not in text


def test_a_group_is_made_as_it_was_asked_for_and_goes_with_its_stack(
    aws: Aws, full: Path, asked: Platform
) -> None:
    (group,) = asked.feature_groups
    stack = find_stack(full, names.feature_stack(asked))
    cloudformation = aws.client("cloudformation", AUTOMATION)
    sagemaker = aws.client("sagemaker", AUTOMATION)
    version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String", "Overwrite": True}
    aws.client("ssm", AUTOMATION).put_parameter(**version)
    cloudformation.create_stack(StackName=stack.name, TemplateBody=stack.template.read_text())
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    made = sagemaker.describe_feature_group(FeatureGroupName=names.feature_group(asked, group.name))
    assert made["FeatureGroupStatus"] == "Created"
    assert (made["RecordIdentifierFeatureName"], made["EventTimeFeatureName"]) == (
        group.record_id,
        group.event_time,
    )
    assert {one["FeatureName"]: one["FeatureType"] for one in made["FeatureDefinitions"]} == group.features
    assert made["OnlineStoreConfig"]["EnableOnlineStore"]
    offline = made["OfflineStoreConfig"]["S3StorageConfig"]
    assert offline["S3Uri"].startswith(f"s3://{names.feature_bucket(asked)}/")
    assert offline["KmsKeyId"] == made["OnlineStoreConfig"]["SecurityConfig"]["KmsKeyId"]
    assert made["RoleArn"] == names.role_arn(AUTOMATION, names.feature_role(asked))
    assert sagemaker.list_tags(ResourceArn=made["FeatureGroupArn"])["Tags"]
    cloudformation.delete_stack(StackName=stack.name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    assert sagemaker.list_feature_groups()["FeatureGroupSummaries"] == []
