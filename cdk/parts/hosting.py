"""Who serves and watches models in a serving account: the model's role and the monitor's role."""

from __future__ import annotations

from aws_cdk import Stack, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.grants import allow, make_role, pass_role, sagemaker, service
from cdk.parts.images import pull
from cdk.parts.registry import READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects, under
from isthmus import names
from isthmus.config import Platform

Statements = list[aws_iam.PolicyStatement]


class Hosting(Construct):
    """The execution roles of endpoints and monitors, the same for every model; buckets are given by name."""

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        *,
        key: aws_kms.IKey,
        capture: str,
        ground_truth: str,
    ) -> None:
        super().__init__(scope, "Hosting")
        stack = Stack.of(self)
        use_key = allow(["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn)
        make_role(
            self,
            "Model",
            names.model_role(platform),
            trust=service("sagemaker.amazonaws.com", stack.account),
            description="Models behind endpoints",
            statements=[
                *read_artifacts(platform, *(model.name for model in platform.models)),
                *pull(platform),
                allow("s3:PutObject", objects(capture)),
                use_key,
                _write_logs(stack, "Endpoints/*"),
            ],
        )
        monitor = names.monitor_role(platform)
        make_role(
            self,
            "Monitor",
            monitor,
            trust=aws_iam.CompositePrincipal(
                service("sagemaker.amazonaws.com", stack.account),
                service("scheduler.amazonaws.com", stack.account),
            ),
            description="Monitor pipelines, their jobs and their schedules",
            statements=[
                *_run_monitors(stack, platform),
                *read_artifacts(platform, *(model.name for model in platform.models)),
                *pull(platform),
                allow(["s3:GetObject", "s3:PutObject"], objects(capture)),
                allow("s3:GetObject", objects(ground_truth)),
                allow("s3:ListBucket", [bucket_arn(capture), bucket_arn(ground_truth)]),
                use_key,
                allow("cloudwatch:PutMetricData", "*", {"StringEquals": {"cloudwatch:namespace": "Isthmus"}}),
                allow(READ_PACKAGES, registry_arns(stack, platform)),
                _write_logs(stack, "ProcessingJobs"),
                pass_role(names.role_arn(stack.account, monitor), "sagemaker.amazonaws.com"),
            ],
        )


def read_artifacts(platform: Platform, *models: str) -> Statements:
    """Read the models' files in the automation account, whose bucket and key policies agree."""
    bucket = names.artifact_bucket(platform)
    prefixes = [f"{model}/" for model in models]
    return [
        allow("s3:GetObject", objects(bucket, *prefixes)),
        allow("s3:ListBucket", bucket_arn(bucket), under(*prefixes)),
        # A key's id is drawn by lot, so another account can only say: any of theirs, through S3.
        allow(
            "kms:Decrypt",
            f"arn:aws:kms:{platform.region}:{platform.accounts.automation}:key/*",
            {"StringEquals": {"kms:ViaService": f"s3.{platform.region}.amazonaws.com"}},
        ),
    ]


def _run_monitors(stack: Stack, platform: Platform) -> Statements:
    pipelines = [f"pipeline/{names.monitor_pipeline(model.name)}" for model in platform.models]
    endpoints = [f"endpoint/{names.endpoint(model.name)}" for model in platform.models]
    return [
        allow("sagemaker:StartPipelineExecution", sagemaker(stack, *pipelines)),
        allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateProcessingJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:StopProcessingJob",
            ],
            sagemaker(stack, "processing-job/pipelines-*"),
        ),
        allow("sagemaker:DescribeEndpoint", sagemaker(stack, *endpoints)),
    ]


def _write_logs(stack: Stack, kind: str) -> aws_iam.PolicyStatement:
    group = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/{kind}"
    return allow(
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        [group, f"{group}:*"],
    )
