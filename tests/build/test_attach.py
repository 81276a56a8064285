"""A pipeline's jobs in the account's network, which the definition in the repository does not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus import names
from isthmus.build.attach import attach, values
from isthmus.build.commands import build
from isthmus.build.validate import every_step, validate
from isthmus.config import Platform
from isthmus.errors import BadInput
from isthmus.network import Attachment
from tests.build.conftest import CHECKOUT, Edit

Aws = Callable[[str], Any]
RUN = ["run", "--definition", "definition.json", "--commit", "c0ffee", "--run-id"]


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform.yaml that asks for networks."""
    text = (CHECKOUT / "platform.yaml").read_text()
    (tmp_path / "platform.yaml").write_text(text.replace("mode: none", "mode: managed"))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(tmp_path / "platform.yaml"))


def write_down(furnished: Aws, platform: Platform) -> dict[str, list[str]]:
    """A VPC where the automation account's stack would write it down; returns its VpcConfig."""
    ec2, ssm = furnished("ec2"), furnished("ssm")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/24")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.0.{at}/26")["Subnet"]["SubnetId"] for at in (0, 64)
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="jobs", Description="jobs")["GroupId"]
    for noun, value in (("subnet-1", subnets[0]), ("subnet-2", subnets[1]), ("security-group", group)):
        ssm.put_parameter(Name=names.network_parameter(platform, noun), Value=value, Type="String")
    return {"SecurityGroupIds": [group], "Subnets": subnets}


def test_jobs_are_alone_wherever_they_run(defined: str) -> None:
    steps = {step["Name"]: step["Arguments"] for step in json.loads(defined)["Steps"]}
    for network in (steps["Prepare"]["NetworkConfig"], steps["Evaluate"]["NetworkConfig"], steps["Train"]):
        assert network["EnableNetworkIsolation"] is True


def test_every_job_is_attached_and_sagemaker_would_take_it(defined: str) -> None:
    attached = attach(defined, 3)
    validate(attached)
    assert attached == attach(defined, 3)
    document = json.loads(attached)
    config = {
        "SecurityGroupIds": [{"Get": "Parameters.SecurityGroup"}],
        "Subnets": [{"Get": f"Parameters.Subnet{number}"} for number in (1, 2, 3)],
    }
    steps = {step["Name"]: step["Arguments"] for step in every_step(document["Steps"])}
    assert steps["Train"]["VpcConfig"] == config
    assert steps["Prepare"]["NetworkConfig"]["VpcConfig"] == config
    assert steps["Evaluate"]["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert "VpcConfig" not in json.dumps(steps["Register"])
    given = values(Attachment(("subnet-1", "subnet-2", "subnet-3"), "sg-1"))
    assert set(given) <= {parameter["Name"] for parameter in document["Parameters"]}


def test_a_run_reads_where_it_belongs_and_its_jobs_run_there(
    furnished: Aws, platform: Platform, managed: None, repository: Path, edit: Edit, defined: str
) -> None:
    edit("model.yaml", "threshold: 0.66", "threshold: 0.41")
    (repository / "definition.json").write_text(defined)
    with pytest.raises(BadInput, match="no parameter /isthmus/network/") as caught:
        CliRunner().invoke(build, [*RUN, "network-0"], catch_exceptions=False)
    assert "deploy the account's stack first" in caught.value.todo
    vpc = write_down(furnished, platform)
    result = CliRunner().invoke(build, [*RUN, "network-1"], catch_exceptions=False)
    assert "not registered" in result.output, result.output
    assert f"network {', '.join(vpc['Subnets'])}" in result.output
    sagemaker = furnished("sagemaker")
    arn = next(line for line in result.output.splitlines() if line.startswith("execution "))[10:]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    jobs = {one["StepName"]: one["Metadata"] for one in steps if "CacheHitResult" not in one}
    train = sagemaker.describe_training_job(
        TrainingJobName=jobs["Train"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    )
    assert train["VpcConfig"] == vpc
    prepare = sagemaker.describe_processing_job(
        ProcessingJobName=jobs["Prepare"]["ProcessingJob"]["Arn"].rsplit("/", 1)[-1]
    )
    assert prepare["NetworkConfig"]["VpcConfig"] == vpc
