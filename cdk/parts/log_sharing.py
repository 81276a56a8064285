"""Logs and metrics of all accounts, read from the automation account: a sink there, a link in each other.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account.html
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk.parts.grants import document
from isthmus import names
from isthmus.config import WORKLOADS, Platform
from isthmus.resource_types import aws_oam

SHARED = ("AWS::CloudWatch::Metric", "AWS::Logs::LogGroup")


def sink(scope: Construct, platform: Platform) -> None:
    """Where the other accounts' links end; its ARN is the output that `logs.sink` in platform.yaml wants."""
    others = [getattr(platform.accounts, role) for role in WORKLOADS if role != "automation"]
    made = aws_oam.CfnSink(
        scope,
        "Sink",
        name=names.log_sink(platform),
        policy=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": others},
                "Action": ["oam:CreateLink", "oam:UpdateLink"],
                "Resource": "*",
                "Condition": {"ForAllValues:StringEquals": {"oam:ResourceTypes": list(SHARED)}},
            }
        ),
    )
    CfnOutput(
        Stack.of(scope), "LogSinkArn", value=made.attr_arn, description="For logs.sink in platform.yaml"
    )


def link(scope: Construct, platform: Platform, to: str) -> None:
    """Let the automation account read the logs of the platform and of SageMaker, and all metrics."""
    ours = (f"/{platform.name}/", f"/aws/lambda/{platform.name}-", "/aws/sagemaker/", "/aws/vendedlogs/")
    aws_oam.CfnLink(
        scope,
        "LogLink",
        label_template="$AccountName",
        resource_types=list(SHARED),
        sink_identifier=to,
        link_configuration={
            "logGroupConfiguration": {
                "filter": " OR ".join(f"LogGroupName LIKE '{prefix}%'" for prefix in ours)
            }
        },
    )
