"""Jobs of a model's pipeline: SageMaker names all alike, so the model's roles know them by their tag."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from tests.cdk.conftest import MODEL
from tests.infra import test_access as access
from tests.infra.lab import Lab
from tests.local.conftest import AUTOMATION, REGION

OTHER = access.OTHER_MODEL


def tagged(model: str) -> list[dict[str, str]]:
    return [{"Key": "model", "Value": model}]


@pytest.fixture(scope="module")
def ours(lab: Lab) -> Any:
    return lab.client("sagemaker", access.in_service(lab, access.ROLES["pipeline"]))


@pytest.fixture(scope="module")
def theirs(lab: Lab) -> Any:
    return lab.client("sagemaker", access.in_service(lab, access.ROLES["pipeline of any"]))


@pytest.fixture(scope="module")
def job(lab: Lab) -> dict[str, Any]:
    """The request of a job of the model's pipeline, but for its name and tags."""
    ssm = lab.client("ssm", account=AUTOMATION)

    def found(name: str) -> str:
        return ssm.get_parameter(Name=name)["Parameter"]["Value"]

    key = found(names.data_key_parameter(lab.platform))
    subnets = [found(names.network_parameter(lab.platform, f"subnet-{n}")) for n in (1, 2)]
    group = found(names.network_parameter(lab.platform, "security-group"))
    machine = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10, "VolumeKmsKeyId": key}
    return {
        "RoleArn": names.role_arn(AUTOMATION, names.pipeline_role(lab.platform, MODEL)),
        "AppSpecification": {"ImageUri": f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/isthmus/tabular:1"},
        "ProcessingResources": {"ClusterConfig": machine},
        "NetworkConfig": {"VpcConfig": {"Subnets": subnets, "SecurityGroupIds": [group]}},
    }


def refused() -> Any:
    return pytest.raises(ClientError, match=access.DENIED)


def test_a_job_is_its_models_from_the_beginning(ours: Any, job: dict[str, Any]) -> None:
    ours.create_processing_job(ProcessingJobName="pipelines-ours", Tags=tagged(MODEL), **job)
    assert ours.describe_processing_job(ProcessingJobName="pipelines-ours")
    for number, more in enumerate(({}, {"Tags": tagged(OTHER)})):
        with refused():
            ours.create_processing_job(ProcessingJobName=f"pipelines-{number}", **more, **job)


def test_another_models_job_is_neither_seen_nor_stopped_nor_made_ones_own(
    ours: Any, theirs: Any, job: dict[str, Any]
) -> None:
    arn = ours.create_processing_job(ProcessingJobName="pipelines-seen", Tags=tagged(MODEL), **job)[
        "ProcessingJobArn"
    ]
    for attempt in (
        lambda: theirs.describe_processing_job(ProcessingJobName="pipelines-seen"),
        lambda: theirs.stop_processing_job(ProcessingJobName="pipelines-seen"),
        lambda: theirs.add_tags(ResourceArn=arn, Tags=tagged(OTHER)),
        lambda: ours.add_tags(ResourceArn=arn, Tags=tagged(OTHER)),
    ):
        with refused():
            attempt()
