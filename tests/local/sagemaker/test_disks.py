"""A job whose disk has a KMS key: which keys and machines SageMaker takes, and what the job's role needs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import EVERYTHING, Aws, until

BUT_KMS = [action for action in EVERYTHING if action != "kms:*"]
MAY_ALL = {"Effect": "Allow", "Action": BUT_KMS, "Resource": "*"}


@pytest.fixture(scope="module")
def key(aws: Aws) -> str:
    arn: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def granting(key: str, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key, **condition}


def start(aws: Aws, name: str, role: str, key: str, instance: str = "ml.m5.large") -> None:
    machine = {"InstanceCount": 1, "InstanceType": instance, "VolumeSizeInGB": 1, "VolumeKmsKeyId": key}
    aws.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": aws.image, "ContainerEntrypoint": ["true"]},
        ProcessingResources={"ClusterConfig": machine},
    )


def test_a_role_that_may_grant_the_key_to_aws_runs_its_job(aws: Aws, key: str) -> None:
    to_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    role = aws.role("disks-granting", [MAY_ALL, granting(key, Condition=to_aws)])
    start(aws, "disks-granting", role, key)
    ended = until(
        lambda: aws.client("sagemaker").describe_processing_job(ProcessingJobName="disks-granting"),
        lambda found: found["ProcessingJobStatus"] != "InProgress",
    )
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")


def test_a_role_that_may_not_grant_the_key_runs_none(aws: Aws, key: str) -> None:
    role = aws.role("disks-without", [MAY_ALL])
    with pytest.raises(ClientError, match="not authorized to perform: kms:CreateGrant"):
        start(aws, "disks-without", role, key)


def test_an_alias_is_no_key_of_a_disk(aws: Aws, key: str) -> None:
    role = aws.role("disks-alias", [MAY_ALL, granting(key)])
    with pytest.raises(ClientError, match="no alias"):
        start(aws, "disks-alias", role, "alias/any")


@pytest.mark.parametrize("instance", ["ml.g5.xlarge", "ml.r5d.large", "ml.g4dn.xlarge", "ml.p5.4xlarge"])
def test_a_machine_with_a_key_of_its_own_takes_no_other(aws: Aws, key: str, instance: str) -> None:
    role = aws.role(f"disks-{instance}", [MAY_ALL, granting(key)])
    with pytest.raises(ClientError, match="VolumeKmsKeyId is not supported"):
        start(aws, f"disks-{instance.replace('.', '-')}", role, key, instance)
