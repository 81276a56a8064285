"""Roles that people take, from the automation account, by `sts:AssumeRole`.

They reach every model of the platform: by a tag where one can be asked for, else by kind.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import (
    Statement,
    alarms,
    allow,
    log_arns,
    make_role,
    person,
    person_by_name,
    sagemaker,
)
from cdk.parts.keys import READ, USE, through_sqs
from cdk.parts.kinds import ask_component, ask_other_kinds
from cdk.parts.platform_tag import of_platform
from cdk.parts.registry import PROVENANCE, READ_GROUP, READ_PACKAGES, TO_REMOVE, registry_arns
from cdk.parts.saved_queries import ask
from cdk.parts.storage import bucket_arn, objects
from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.resource_types import aws_iam


def person_role(
    scope: Construct, id_: str, name: str, platform: Platform, description: str, statements: list[Statement]
) -> aws_iam.CfnRole:
    """A role that principals of the automation account may assume, if their own policies let them."""
    return make_role(scope, id_, name, trust=person(platform), description=description, statements=statements)


def approver(scope: Construct, platform: Platform, *, data_key: str, messages_key: str) -> None:
    """The only role that approves or rejects, under one's own name; it sees what it judges by.

    What the bridge could not carry it sends again: it may start no more by that than by approving.
    """
    stack = Stack.of(scope)
    queue = f"arn:aws:sqs:{stack.region}:{stack.account}:{names.bridge(platform)}"
    _, versions = registry_arns(platform, "*")
    make_role(
        scope,
        "Approver",
        names.approver_role(platform),
        trust=person_by_name(platform),
        description="Approves and rejects model versions",
        statements=[
            *read_registry(platform),
            # Where a version serves is its deployment's to say; what it came of, its registration's; and who
            # decided, the registry's: each change is a decision, so its LastModifiedBy is who made it.
            allow(
                "sagemaker:UpdateModelPackage",
                versions,
                {
                    **of_platform(platform),
                    "Null": {
                        "sagemaker:ModelApprovalStatus": "false",
                        "sagemaker:ModelLifeCycle:stage": "true",
                        **PROVENANCE,
                        **{f"sagemaker:CustomerMetadataProperties/{key}": "true" for key in names.DECISION},
                    },
                    "ForAllValues:StringEquals": {TO_REMOVE: list(names.DECISION)},
                },
            ),
            allow("s3:GetObject", objects(names.artifact_bucket(platform))),
            allow(READ, data_key),
            allow(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"], f"{queue}-dlq"),
            allow("sqs:SendMessage", queue),
            allow(USE, messages_key, through_sqs(platform.region)),
        ],
    )


def automation_operator(scope: Construct, platform: Platform, *, data_key: str) -> None:
    """Reads what happened in the automation account: versions, runs, hops of the bridge, landed files."""
    stack = Stack.of(scope)
    functions = [names.bridge(platform), *([names.landing(platform)] if platform.lands else [])]
    queues = [
        f"arn:aws:sqs:{stack.region}:{stack.account}:{name}{suffix}"
        for name in functions
        for suffix in ("", "-dlq")
    ]
    person_role(
        scope,
        "Operator",
        names.operator_role(platform),
        platform,
        "Reads what the platform did in this account",
        [
            *read_registry(platform),
            *_follow_pipelines(stack, platform),
            allow(
                ["logs:FilterLogEvents", "logs:GetLogEvents"],
                log_arns(stack, *map(names.function_log, functions)),
            ),
            *ask(stack, platform, "automation"),
            # Whoever provisions Azure DevOps tells it where the bridge is.
            allow(
                "ssm:GetParameter",
                f"arn:aws:ssm:{stack.region}:{stack.account}:parameter{names.callback_parameter(platform)}",
            ),
            allow("sqs:GetQueueAttributes", queues),
            allow("s3:GetObject", objects(names.artifact_bucket(platform))),
            allow(READ, data_key),
        ],
    )


def read_registry(platform: Platform) -> list[Statement]:
    """Describe and list every model's versions."""
    return [allow([*READ_GROUP, *READ_PACKAGES], list(registry_arns(platform, "*")), of_platform(platform))]


def read_shared_registry(platform: Platform) -> list[Statement]:
    """Describe and list, from another account, the versions that their group's policy shares with it."""
    return [allow([*READ_GROUP, *READ_PACKAGES], list(registry_arns(platform, "*")))]


def _follow_pipelines(stack: Stack, platform: Platform) -> list[Statement]:
    """Read the platform's pipelines and their executions."""
    return [
        allow(
            ["sagemaker:DescribePipeline", "sagemaker:ListPipelineExecutions"],
            sagemaker(stack, "pipeline/*"),
            of_platform(platform),
        ),
        # An execution has no tags that IAM could ask for.
        allow(
            ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
            sagemaker(stack, "pipeline/*/execution/*"),
        ),
    ]


_LISTED = ("EndpointConfigs", "Endpoints", "InferenceComponents", "Models")


def serving_operator(
    scope: Construct, platform: Platform, stage: Stage, *, data_key: str, capture: str, ground_truth: str
) -> None:
    """Reads what serves here and how it fares, asks for predictions, and has a monitor look now."""
    stack, ours = Stack.of(scope), of_platform(platform)
    person_role(
        scope,
        "Operator",
        names.operator_role(platform),
        platform,
        "Reads what the platform did in this account, invokes its endpoints and runs its monitors",
        [
            *read_shared_registry(platform),
            # Whether it is there is asked before it has tags.
            allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:DescribeMonitoringSchedule"],
                sagemaker(stack, "endpoint/*", f"monitoring-schedule/{names.monitor_pipeline('*')}"),
            ),
            allow("sagemaker:InvokeEndpoint", sagemaker(stack, "endpoint/*"), ours),
            *ask_other_kinds(stack, "*", capture=capture, data_key=data_key, conditions=ours),
            *ask_component(stack, platform, "*", ours),
            allow(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:ListTags"],
                sagemaker(stack, "endpoint-config/*", "model/*"),
                ours,
            ),
            allow(
                "sagemaker:StartPipelineExecution",
                sagemaker(stack, f"pipeline/{names.monitor_pipeline('*')}"),
                ours,
            ),
            *_follow_pipelines(stack, platform),
            allow([f"sagemaker:List{noun}" for noun in _LISTED], "*"),
            allow(["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"], alarms(stack, platform)),
            allow(["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"], "*"),
            *ask(stack, platform, stage),
            # What was asked and answered, and what was true: two versions are compared by both.
            allow("s3:GetObject", [*objects(capture), *objects(ground_truth)]),
            allow("s3:ListBucket", [bucket_arn(capture), bucket_arn(ground_truth)]),
        ],
    )


def serving_data_owner(scope: Construct, platform: Platform, *, data_key: str, ground_truth: str) -> None:
    """Says later what was true, by inference id."""
    _data_owner(scope, platform, data_key, objects(ground_truth))


def automation_data_owner(scope: Construct, platform: Platform, *, data_key: str, data: str) -> None:
    """Lands new rows to train on."""
    landing = objects(names.landing_bucket(platform), names.INCOMING) if platform.lands else []
    _data_owner(scope, platform, data_key, [f"{bucket_arn(data)}/{names.landed('*')}*", *landing])


def _data_owner(scope: Construct, platform: Platform, data_key: str, where: list[str]) -> None:
    person_role(
        scope,
        "DataOwner",
        names.data_role(platform),
        platform,
        "The systems and people that own the data",
        [allow(["s3:GetObject", "s3:PutObject"], where), allow(USE, data_key)],
    )
