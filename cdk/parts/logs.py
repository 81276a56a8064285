"""Log groups: encrypted, kept for as long as the platform says, and no longer."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from constructs import Construct

from cdk.parts.keys import Key
from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.resource_types import aws_logs

JOB_KINDS: dict[AccountRole, tuple[str, ...]] = {
    "dev": ("ProcessingJobs", "TrainingJobs"),
    "automation": ("ProcessingJobs", "TrainingJobs"),
    "staging": ("ProcessingJobs", "TransformJobs"),
    "prod": ("ProcessingJobs", "TransformJobs"),
}
"""The kinds of jobs that run in an account: scientists', those of pipelines, and monitors'."""


def log_group(scope: Construct, id_: str, platform: Platform, name: str, key: Key) -> aws_logs.CfnLogGroup:
    """A log group that outlives its stack: what happened is asked for later."""
    key.allow_logs(name)
    group = aws_logs.CfnLogGroup(
        scope,
        id_,
        log_group_name=name,
        retention_in_days=platform.logs.retention_days,
        kms_key_id=key.arn,
    )
    group.apply_removal_policy(RemovalPolicy.RETAIN)
    return group


def job_logs(
    scope: Construct, platform: Platform, account: AccountRole, key: Key
) -> list[aws_logs.CfnLogGroup]:
    """The log groups that SageMaker's jobs share, which it would make without an end and a key."""
    return [log_group(scope, f"{kind}Log", platform, names.job_log(kind), key) for kind in JOB_KINDS[account]]
