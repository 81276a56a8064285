"""The ways out of a VPC of ours: one endpoint for each AWS service that something in the account calls.

SageMaker itself pulls images and writes the logs of jobs and endpoints, from outside the VPC, so these need
no way out; the files of jobs and models go through the VPC to S3.
https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constructs import Construct

from cdk.parts.security_groups import interface_endpoints
from cdk.parts.vpc import Vpc
from isthmus import names
from isthmus.config import WORKLOADS, AccountRole, Platform
from isthmus.resource_types import aws_ec2

# What an account's own programs call: a service's name, and the actions that its endpoint lets pass.
Services = Mapping[str, Sequence[str]]
MONITORS: Services = {"monitoring": ["cloudwatch:PutMetricData"]}
# https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-and-internet-access.html
STUDIO: Services = {
    "sagemaker.api": ["sagemaker:*"],
    "sagemaker.runtime": ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync"],
    "sts": ["sts:AssumeRole", "sts:GetCallerIdentity"],
    "logs": ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
}
GLUE: Services = {"glue": ["glue:*"]}
EMR_SERVERLESS: Services = {"emr-serverless": ["emr-serverless:*"]}
MLFLOW: Services = {"experiments": ["sagemaker-mlflow:*", "sagemaker:CallMlflowAppApi"]}
FILES = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
]


def services(platform: Platform, account: AccountRole) -> Services:
    """What is called from within the account's VPC beside S3. Training jobs call nothing."""
    if account in ("staging", "prod"):
        return MONITORS
    studio = platform.studio
    if account != "dev" or studio is None:
        return {}
    return {
        **STUDIO,
        **(GLUE if studio.glue else {}),
        **(EMR_SERVERLESS if studio.emr_serverless else {}),
        **(MLFLOW if studio.mlflow != "none" else {}),
    }


def vpc_endpoints(
    scope: Construct, platform: Platform, account: AccountRole, vpc: Vpc, *, clients: str
) -> None:
    """A gateway to S3, which costs nothing, and an interface to each service; `clients` is a group's id."""
    aws_ec2.CfnVPCEndpoint(
        scope,
        "S3",
        vpc_endpoint_type="Gateway",
        service_name=_service_name(platform, "s3"),
        vpc_id=vpc.id,
        route_table_ids=[vpc.route_table],
        policy_document=_policy(platform, FILES, list(_buckets(platform, account))),
    )
    needed = services(platform, account)
    group = interface_endpoints(scope, vpc.id, clients) if needed else ""
    for name, actions in needed.items():
        aws_ec2.CfnVPCEndpoint(
            scope,
            name,
            vpc_endpoint_type="Interface",
            service_name=_service_name(platform, name),
            vpc_id=vpc.id,
            subnet_ids=vpc.subnets,
            security_group_ids=[group],
            private_dns_enabled=True,
            policy_document=_policy(platform, actions, "*"),
        )


def _policy(platform: Platform, actions: Sequence[str], resources: str | Sequence[str]) -> dict[str, Any]:
    """Only the platform's accounts pass, and only to what is theirs.

    A gateway endpoint takes no other principal than `*`, and conditions for who that may be. A request that
    is about no resource names no owner.
    """
    ours = [getattr(platform.accounts, account) for account in WORKLOADS]
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions),
        "Resource": resources,
        "Condition": {
            "StringEquals": {"aws:PrincipalAccount": ours},
            "StringEqualsIfExists": {"aws:ResourceAccount": ours},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _buckets(platform: Platform, account: AccountRole) -> Iterator[str]:
    """ARNs of the account's own buckets and the automation account's, with all objects."""
    owners = {getattr(platform.accounts, role) for role in (account, "automation")}
    for owner in sorted(owners):
        bucket = f"arn:aws:s3:::{platform.name}-*-{owner}-{platform.region}"
        yield from (bucket, f"{bucket}/*")
    if account == "dev" and platform.studio:
        # What Studio's start script installs is published where all that is deployed is.
        yield f"arn:aws:s3:::{names.asset_bucket(platform.accounts.dev, platform.region)}/*"


def _service_name(platform: Platform, service: str) -> str:
    """MLflow's is the one service here that stands under another name."""
    owner = "aws.sagemaker" if service in MLFLOW else "com.amazonaws"
    return f"{owner}.{platform.region}.{service}"
