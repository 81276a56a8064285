"""A job or model in a VPC: its parts must be there, its role may attach to them, and isolated means alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus.executor import sandbox
from tests.local.sagemaker.conftest import AUTOMATION, BUCKET, EVERYTHING, REGION, Aws, until

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
LOOK = f'env; python3 -S -c "{CONNECT}" && echo reached || echo alone'


@dataclass(frozen=True)
class Vpc:
    id: str
    subnet: str
    group: str

    def config(self, **other: list[str]) -> dict[str, list[str]]:
        return {"Subnets": [self.subnet], "SecurityGroupIds": [self.group], **other}


def make_vpc(aws: Aws, cidr: str) -> Vpc:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=f"{cidr}.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{cidr}.0/26")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName=f"jobs-{cidr}", Description="jobs")["GroupId"]
    return Vpc(vpc, subnet, group)


@pytest.fixture(scope="module")
def vpc(aws: Aws) -> Vpc:
    return make_vpc(aws, "10.8.0")


def attaching(vpc: Vpc) -> list[dict[str, Any]]:
    """What the execution role of a job in that VPC needs, and no more."""
    ec2 = f"arn:aws:ec2:{REGION}:{AUTOMATION}"
    there = [f"{ec2}:subnet/{vpc.subnet}", f"{ec2}:security-group/{vpc.group}"]
    described = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
    lent = ("CreateNetworkInterfacePermission", "DeleteNetworkInterface", "DeleteNetworkInterfacePermission")
    interfaces, ours = f"{ec2}:network-interface/*", {"ArnEquals": {"ec2:Subnet": there[0]}}
    return [
        {"Effect": "Allow", "Action": [f"ec2:Describe{one}" for one in described], "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:CreateNetworkInterface", "Resource": [*there, interfaces]},
        {
            "Effect": "Allow",
            "Action": [f"ec2:{one}" for one in lent],
            "Resource": interfaces,
            "Condition": ours,
        },
    ]


def job(aws: Aws, name: str, role: str, *, script: str = "true", **network: Any) -> dict[str, Any]:
    """Run a processing job to its end and return its description."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": aws.image, "ContainerEntrypoint": ["sh", "-c", script]},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        **({"NetworkConfig": network} if network else {}),
    )
    ended: dict[str, Any] = until(
        lambda: sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda found: found["ProcessingJobStatus"] != "InProgress",
    )
    return ended


def said(aws: Aws, name: str) -> str:
    """What a job wrote to its log."""
    logs, group = aws.client("logs"), "/aws/sagemaker/ProcessingJobs"
    asked = {"logGroupName": group, "logStreamNamePrefix": f"{name}/"}
    (stream,) = until(lambda: logs.describe_log_streams(**asked)["logStreams"], bool)
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    return "\n".join(event["message"] for event in events)


def test_a_role_that_may_attach_runs_its_job_there(aws: Aws, vpc: Vpc) -> None:
    everything = {"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}
    role = aws.role("network-attaching", [everything, *attaching(vpc)])
    ended = job(aws, "network-in", role, VpcConfig=vpc.config())
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    assert ended["NetworkConfig"]["VpcConfig"] == vpc.config()


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_each_permission_of_the_role_is_needed(aws: Aws, vpc: Vpc, left_out: int) -> None:
    statements = [one for number, one in enumerate(attaching(vpc)) if number != left_out]
    everything = {"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}
    role = aws.role(f"network-without-{left_out}", [everything, *statements])
    with pytest.raises(ClientError, match="not authorized to perform: ec2:"):
        job(aws, f"network-without-{left_out}", role, VpcConfig=vpc.config())


def test_a_role_attaches_to_no_other_group_and_no_other_subnet(aws: Aws, vpc: Vpc) -> None:
    ec2 = aws.client("ec2")
    default = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc.id]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]["GroupId"]
    other = ec2.create_subnet(VpcId=vpc.id, CidrBlock="10.8.0.64/26")["Subnet"]["SubnetId"]
    everything = {"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}
    role = aws.role("network-narrow", [everything, *attaching(vpc)])
    for name, config in (
        ("network-group", vpc.config(SecurityGroupIds=[default])),
        ("network-subnet", vpc.config(Subnets=[vpc.subnet, other])),
    ):
        with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateNetworkInterface"):
            job(aws, name, role, VpcConfig=config)


def test_what_is_not_there_or_not_together_is_refused(aws: Aws, vpc: Vpc) -> None:
    role = aws.role("network-all", [{"Effect": "Allow", "Action": [*EVERYTHING, "ec2:*"], "Resource": "*"}])
    elsewhere = make_vpc(aws, "10.8.1")
    for config, reason in (
        (vpc.config(Subnets=["subnet-0f"]), "The subnet ID 'subnet-0f' does not exist"),
        (vpc.config(SecurityGroupIds=["sg-0f"]), "The security group 'sg-0f' does not exist"),
        (vpc.config(SecurityGroupIds=[elsewhere.group]), "not all in one VPC"),
    ):
        with pytest.raises(ClientError, match=reason):
            job(aws, "network-refused", role, VpcConfig=config)
        with pytest.raises(ClientError, match=reason):
            aws.client("sagemaker").create_model(
                ModelName="network-refused",
                ExecutionRoleArn=role,
                PrimaryContainer={"Image": aws.image, "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz"},
                VpcConfig=config,
            )


def test_a_caller_can_be_held_to_a_vpc(aws: Aws, vpc: Vpc) -> None:
    """As our pipeline roles are: by condition keys that say which subnets and groups a job names."""
    held = {
        "ForAllValues:StringEquals": {
            "sagemaker:VpcSubnets": [vpc.subnet],
            "sagemaker:VpcSecurityGroupIds": [vpc.group],
        },
        "Null": {"sagemaker:VpcSubnets": "false", "sagemaker:VpcSecurityGroupIds": "false"},
    }
    create = {"Effect": "Allow", "Action": "sagemaker:CreateProcessingJob", "Resource": "*"}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    aws.role("network-held", [create | {"Condition": held}, passing])
    running = aws.role(
        "network-run", [{"Effect": "Allow", "Action": [*EVERYTHING, "ec2:*"], "Resource": "*"}]
    )
    sagemaker = aws.client("sagemaker", role="network-held")
    request = {
        "RoleArn": running,
        "AppSpecification": {"ImageUri": aws.image, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    }
    sagemaker.create_processing_job(
        ProcessingJobName="network-held", NetworkConfig={"VpcConfig": vpc.config()}, **request
    )
    other = aws.client("ec2").create_subnet(VpcId=vpc.id, CidrBlock="10.8.0.128/26")["Subnet"]["SubnetId"]
    for network in ({}, {"NetworkConfig": {"VpcConfig": vpc.config(Subnets=[vpc.subnet, other])}}):
        with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateProcessingJob"):
            sagemaker.create_processing_job(ProcessingJobName="network-loose", **network, **request)


def test_an_isolated_job_has_no_credentials_and_no_network(aws: Aws) -> None:
    role = aws.role("network-open", [{"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}])
    look = LOOK.format(port=aws.url.rpartition(":")[2])
    job(aws, "network-open", role, script=look)
    job(aws, "network-isolated", role, script=look, EnableNetworkIsolation=True)
    open_, alone = said(aws, "network-open"), said(aws, "network-isolated")
    assert "AWS_ACCESS_KEY_ID" in open_ and "reached" in open_
    assert "AWS_" not in alone
    if sandbox.available() != "remap":
        assert "alone" in alone.splitlines()
