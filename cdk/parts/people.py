"""Roles that people take, from the automation account, by `sts:AssumeRole`."""

from __future__ import annotations

from aws_cdk import Stack, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.grants import allow, make_role, sagemaker
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects
from isthmus import names
from isthmus.config import Platform

Statements = list[aws_iam.PolicyStatement]


def person_role(
    scope: Construct, id_: str, name: str, platform: Platform, description: str, statements: Statements
) -> aws_iam.Role:
    """A role that principals of the automation account may assume, if their own policies let them."""
    return make_role(
        scope,
        id_,
        name,
        trust=aws_iam.AccountPrincipal(platform.accounts.automation),
        description=description,
        statements=statements,
    )


def approver(scope: Construct, platform: Platform, key: aws_kms.IKey) -> None:
    """The only role that approves or rejects; it sees what it judges by."""
    stack = Stack.of(scope)
    arns = registry_arns(stack, platform)
    person_role(
        scope,
        "Approver",
        names.approver_role(platform),
        platform,
        "Approves and rejects model versions",
        [
            *read_registry(stack, platform),
            allow("sagemaker:UpdateModelPackage", [arn for arn in arns if arn.endswith("*")]),
            allow("s3:GetObject", objects(names.artifact_bucket(platform))),
            allow("kms:Decrypt", key.key_arn),
        ],
    )


def automation_operator(scope: Construct, platform: Platform, key: aws_kms.IKey) -> None:
    """Reads what happened in the automation account: versions, runs, hops of the bridge."""
    stack = Stack.of(scope)
    bridge = names.bridge(platform)
    log_group = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/aws/lambda/{bridge}"
    queues = [f"arn:aws:sqs:{stack.region}:{stack.account}:{bridge}{suffix}" for suffix in ("", "-dlq")]
    pipelines = [f"pipeline/{names.registry_group(model.name)}" for model in platform.models]
    person_role(
        scope,
        "Operator",
        names.operator_role(platform),
        platform,
        "Reads what the platform did in this account",
        [
            *read_registry(stack, platform),
            allow(
                ["sagemaker:DescribePipeline", "sagemaker:ListPipelineExecutions"],
                sagemaker(stack, *pipelines),
            ),
            allow(
                ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
                sagemaker(stack, *(f"{pipeline}/execution/*" for pipeline in pipelines)),
            ),
            allow(["logs:FilterLogEvents", "logs:GetLogEvents"], [log_group, f"{log_group}:*"]),
            allow("sqs:GetQueueAttributes", queues),
            allow("s3:GetObject", objects(names.artifact_bucket(platform))),
            allow("kms:Decrypt", key.key_arn),
        ],
    )


def read_registry(stack: Stack, platform: Platform) -> Statements:
    """Describe and list every model's versions."""
    arns = registry_arns(stack, platform)
    return [allow([*READ_GROUP, *READ_PACKAGES], arns)]


def serving_operator(scope: Construct, platform: Platform, key: aws_kms.IKey, capture: str) -> None:
    """Reads what serves here and how it fares, asks for predictions, and has a monitor look now."""
    stack = Stack.of(scope)
    models = [model.name for model in platform.models]
    monitors = [f"pipeline/{names.monitor_pipeline(model)}" for model in models]
    person_role(
        scope,
        "Operator",
        names.operator_role(platform),
        platform,
        "Reads what the platform did in this account, invokes its endpoints and runs its monitors",
        [
            *read_registry(stack, platform),
            allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"],
                sagemaker(stack, *(f"endpoint/{names.endpoint(m)}" for m in models)),
            ),
            allow(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:ListTags"],
                sagemaker(stack, *(f"{kind}/{m}-*" for kind in ("endpoint-config", "model") for m in models)),
            ),
            allow(
                [
                    "sagemaker:DescribePipeline",
                    "sagemaker:ListPipelineExecutions",
                    "sagemaker:StartPipelineExecution",
                ],
                sagemaker(stack, *monitors),
            ),
            allow(
                ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
                sagemaker(stack, *(f"{monitor}/execution/*" for monitor in monitors)),
            ),
            allow("sagemaker:ListEndpoints", "*"),
            allow(
                [
                    "cloudwatch:DescribeAlarmHistory",
                    "cloudwatch:DescribeAlarms",
                    "cloudwatch:GetMetricData",
                    "cloudwatch:GetMetricStatistics",
                ],
                "*",
            ),
            allow("s3:GetObject", objects(capture)),
            allow("s3:ListBucket", bucket_arn(capture)),
            allow("kms:Decrypt", key.key_arn),
        ],
    )


def serving_data_owner(scope: Construct, platform: Platform, key: aws_kms.IKey, ground_truth: str) -> None:
    """Says later what was true, by inference id."""
    _data_owner(scope, platform, key, objects(ground_truth, *(f"{m.name}/" for m in platform.models)))


def automation_data_owner(scope: Construct, platform: Platform, key: aws_kms.IKey, data: str) -> None:
    """Lands new rows to train on."""
    _data_owner(scope, platform, key, objects(data, *(f"{m.name}/landed/" for m in platform.models)))


def _data_owner(scope: Construct, platform: Platform, key: aws_kms.IKey, where: list[str]) -> None:
    person_role(
        scope,
        "DataOwner",
        names.data_role(platform),
        platform,
        "The systems and people that own the data",
        [
            allow(["s3:GetObject", "s3:PutObject"], where),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn),
        ],
    )
