"""Who serves and watches models in a serving account: each model's execution role and its monitor's."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.attachment import attach, only_there
from cdk.parts.grants import (
    MODEL,
    Statement,
    allow,
    allow_principal,
    log_arns,
    make_policy,
    model_role,
    pass_role,
    sagemaker,
    service,
)
from cdk.parts.images import pull
from cdk.parts.keys import USE, encrypt_disks, through_s3
from cdk.parts.kinds import BATCH, answer_files, run_batch
from cdk.parts.model_monitor import analyzer_repositories
from cdk.parts.model_tag import NEW, NOT_ANOTHERS, OWN
from cdk.parts.registry import READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects, under
from isthmus import names
from isthmus.config import Platform
from isthmus.network import Attachment

MODEL_KIND, MONITOR = "model", "monitor"
WRITE_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
MONITORS_NAMESPACES = [
    names.METRIC_NAMESPACE,
    names.DATA_METRICS,
    names.BIAS_METRICS,
    names.MODEL_METRICS,
]


def hosting_policies(
    scope: Construct,
    platform: Platform,
    *,
    data_key: str,
    messages_key: str,
    capture: str,
    ground_truth: str,
    network: Attachment | None,
) -> None:
    """What models' and monitors' roles may do, each for its own model; buckets are given by name."""
    stack = Stack.of(scope)
    attached = attach(stack, network) if network else []
    make_policy(
        scope,
        "ModelPolicy",
        names.policy(platform, MODEL_KIND),
        "For each model's own things: models behind endpoints",
        [
            *read_artifacts(platform),
            *pull(platform),
            allow("s3:PutObject", objects(capture, names.captures(MODEL), names.results(MODEL))),
            allow(USE, data_key),
            *(_write_logs(stack, f"Endpoints/{name}") for name in names.endpoints(MODEL)),
            _write_logs(stack, "TransformJobs"),
            allow(WRITE_LOGS, log_arns(stack, names.component_log(names.component(MODEL)))),
            # AWS asks it of "your execution role", and not whether that is whose who updates the endpoint.
            allow(
                "cloudwatch:DescribeAlarms",
                f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:"
                + names.rollback_alarm(platform, names.by_content(MODEL), "*"),
            ),
            *answer_files(stack, platform, capture=capture, messages_key=messages_key),
            *attached,
        ],
    )
    make_policy(
        scope,
        "MonitorPolicy",
        names.policy(platform, MONITOR),
        "For each model's own things: monitor pipelines, their jobs and their schedules",
        [*_watch(stack, platform, data_key, capture, ground_truth, network), *attached],
    )

    make_policy(
        scope,
        "BatchPolicy",
        names.policy(platform, BATCH),
        "For each model's own things: batch pipelines, and what starts them",
        [*run_batch(stack, platform, data_key=data_key), *attached],
    )


def hosting_roles(scope: Construct, platform: Platform, model: str) -> None:
    """A model's execution role, and that of its monitor."""
    account = Stack.of(scope).account
    model_role(
        scope,
        "Model",
        names.model_role(platform, model),
        trust=service("sagemaker.amazonaws.com", account),
        description=f"{model} behind its endpoint",
        policy=names.policy(platform, MODEL_KIND),
    )
    model_role(
        scope,
        "Monitor",
        names.monitor_role(platform, model),
        trust=[
            allow_principal(service(f"{who}.amazonaws.com", account), "sts:AssumeRole")
            for who in ("sagemaker", "scheduler")
        ],
        description=f"The monitor pipeline of {model}, its jobs and its schedule",
        policy=names.policy(platform, MONITOR),
    )
    model_role(
        scope,
        "Batch",
        names.batch_role(platform, model),
        trust=[
            allow_principal(service(f"{who}.amazonaws.com", account), "sts:AssumeRole")
            for who in ("sagemaker", "scheduler", "events")
        ],
        description=f"The batch pipeline of {model}, and the rule and schedule that start it",
        policy=names.policy(platform, BATCH),
    )


def read_artifacts(platform: Platform, *more: str) -> list[Statement]:
    """Read the model's files in the automation account, from another, where that agrees; and `more`."""
    bucket, mine = names.artifact_bucket(platform), f"{MODEL}/"
    return [
        allow("s3:GetObject", [*objects(bucket, mine), *more]),
        allow("s3:ListBucket", bucket_arn(bucket), under(mine)),
        # A key's id is drawn by lot, so another account can only say: any of theirs, for that bucket.
        allow(
            "kms:Decrypt",
            f"arn:aws:kms:{platform.region}:{platform.accounts.automation}:key/*",
            through_s3(platform.region, bucket),
        ),
    ]


def _watch(
    stack: Stack,
    platform: Platform,
    data_key: str,
    capture: str,
    ground_truth: str,
    network: Attachment | None,
) -> list[Statement]:
    monitor = names.role_arn(stack.account, names.monitor_role(platform, MODEL))
    seen = (names.captures(MODEL), names.reports(MODEL))
    jobs = sagemaker(stack, "processing-job/pipelines-*")
    return [
        allow(
            "sagemaker:StartPipelineExecution", sagemaker(stack, f"pipeline/{names.monitor_pipeline(MODEL)}")
        ),
        allow(
            "sagemaker:CreateProcessingJob",
            jobs,
            {**NEW, **(only_there(network) or {})},
        ),
        allow("sagemaker:AddTags", jobs, NOT_ANOTHERS),
        allow(["sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"], jobs, OWN),
        allow(
            "sagemaker:DescribeEndpoint",
            sagemaker(stack, *(f"endpoint/{name}" for name in names.endpoints(MODEL))),
        ),
        # One statement for all that it reads: a managed policy has 6,144 characters. What a batch transform
        # captures is where its files lie.
        *read_artifacts(
            platform,
            *objects(capture, *seen, names.requests(MODEL), names.results(MODEL)),
            *objects(ground_truth, f"{MODEL}/"),
        ),
        *pull(platform, *analyzer_repositories(platform)),
        allow("s3:PutObject", objects(capture, *seen)),
        allow("s3:ListBucket", [bucket_arn(capture), bucket_arn(ground_truth)], under(*seen, f"{MODEL}/")),
        allow(USE, data_key),
        *encrypt_disks(data_key),
        allow(
            "cloudwatch:PutMetricData",
            "*",
            {"StringEquals": {"cloudwatch:namespace": MONITORS_NAMESPACES}},
        ),
        allow(READ_PACKAGES, list(registry_arns(platform, MODEL))),
        _write_logs(stack, "ProcessingJobs"),
        pass_role(monitor, "sagemaker.amazonaws.com"),
    ]


def _write_logs(stack: Stack, kind: str) -> Statement:
    return allow(WRITE_LOGS, log_arns(stack, names.job_log(kind)))
