"""Deploys one stage of an assembly, and asserts that what runs is what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.deploy import records
from isthmus.deploy.package import describe, read
from isthmus.deploy.turned_back import explain
from isthmus.deploy.wanted import wanted
from isthmus.errors import NotFound, Problem, Refused, Unavailable
from isthmus.infra.assembly import deploy_stack
from isthmus.monitor.served import served
from isthmus.serving import Serving, expect, look


def apply(
    platform: Platform,
    assembly: Path,
    stage: Stage,
    run_id: str,
    say: Callable[[str], None],
    *,
    rollback: str = "",
) -> Serving:
    """Deploy `stage` as the caller (its deploy role), and record in the registry that the version runs there.

    `rollback` says why people go back to this version, and who.

    Raises `Refused` where the version is no longer approved, and `TurnedBack` where CloudFormation rolls
    back, or reports success and the endpoint runs something else (SageMaker can roll back in silence).
    """
    import boto3

    package = read(assembly)
    session = boto3.Session(region_name=platform.region)
    stack = names.endpoint_stack(platform, package.model, stage)
    asked, sagemaker = wanted(assembly, stack), session.client("sagemaker")
    # A stage may wait for days for its approval, and the version be rejected in the meantime.
    describe(sagemaker, package.arn)
    before, begun = _version_at(sagemaker, package.model, stage), datetime.now(UTC)
    try:
        deploy_stack(session, assembly, stack, say=say)
        serving = look(sagemaker, package.model, stage)
        expect(serving, package.arn, asked.endpoint_config)
    except (Refused, Unavailable):
        raise
    except Problem as cause:
        problem = explain(session, package, stage, asked.alarms, begun, cause)
        records.turned_back(sagemaker, package.arn, stage, run_id, problem.reason)
        raise problem from None
    records.deployed(sagemaker, package, stage, run_id, asked.endpoint_config)
    session.client("cloudwatch").put_metric_data(
        Namespace=names.METRIC_NAMESPACE, MetricData=[served(package.model, stage, package.version)]
    )
    if before and before != package.arn:
        records.replaced(sagemaker, before, stage, run_id, rollback)
    return serving


def _version_at(sagemaker: Any, model: str, stage: Stage) -> str:
    """The version that the stage serves before a deployment; nothing before the first."""
    try:
        return look(sagemaker, model, stage).model_package_arn
    except NotFound:
        return ""
