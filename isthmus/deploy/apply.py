"""Deploys one stage of an assembly, and asserts that what runs is what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.deploy.package import APPROVAL, Package, describe, read
from isthmus.errors import BadInput, NotFound
from isthmus.infra.assembly import deploy_stack
from isthmus.infra.manifest import find_stack
from isthmus.monitor.served import served
from isthmus.serving import Serving, expect, look

IN_SERVICE, RETIRED = "InService", "Retired"


def apply(
    platform: Platform, assembly: Path, stage: Stage, run_id: str, say: Callable[[str], None]
) -> Serving:
    """Deploy `stage` as the caller (its deploy role), and record in the registry that the version runs there.

    Raises `Refused` where the version is no longer approved, and `Problem` where CloudFormation rolls back,
    or where it reports success and the endpoint runs something else (SageMaker can roll back in silence).
    """
    import boto3

    package = read(assembly)
    session = boto3.Session(region_name=platform.region)
    stack = names.endpoint_stack(platform, package.model, stage)
    wanted, sagemaker = wanted_config(assembly, stack), session.client("sagemaker")
    # A stage may wait for days for its approval, and the version be rejected in the meantime.
    describe(sagemaker, package.arn)
    before = _version_at(sagemaker, package.model, stage)
    deploy_stack(session, assembly, stack, say=say)
    serving = look(sagemaker, package.model, stage)
    expect(serving, package.arn, wanted)
    record(sagemaker, package, stage, run_id, wanted)
    session.client("cloudwatch").put_metric_data(
        Namespace=names.METRIC_NAMESPACE, MetricData=[served(package.model, stage, package.version)]
    )
    if before and before != package.arn:
        retire(sagemaker, before, stage, run_id)
    return serving


def _version_at(sagemaker: Any, model: str, stage: Stage) -> str:
    """The version that the stage serves before a deployment; nothing before the first."""
    try:
        return look(sagemaker, model, stage).model_package_arn
    except NotFound:
        return ""


def wanted_config(assembly: Path, stack: str) -> str:
    """The endpoint configuration that the stack's template names; raises `BadInput` where there is none."""
    template = find_stack(assembly, stack).template
    for resource in json.loads(template.read_text())["Resources"].values():
        if resource["Type"] == "AWS::SageMaker::EndpointConfig":
            return str(resource["Properties"]["EndpointConfigName"])
    raise BadInput(f"stack {stack} has no endpoint", where=str(template))


def record(sagemaker: Any, package: Package, stage: Stage, run_id: str, config: str) -> None:
    """Write down in the registry where the version runs and which run brought it there; idempotent.

    The endpoint configuration is deleted by the next deployment, but its name stays on what was captured.

    This is an update of metadata: the event that it causes names no change of approval and starts nothing.
    A version has one stage in the registry: one that serves prod keeps it when it passes staging again.
    """
    current = sagemaker.describe_model_package(ModelPackageName=package.arn)
    if stage == "staging" and _serves(current, "prod"):
        return
    wanted = {
        f"{stage}_run_id": run_id,
        f"{stage}_endpoint": names.endpoint(package.model),
        f"{stage}_endpoint_config": config,
    }
    cycle = {"Stage": stage, "StageStatus": IN_SERVICE, "StageDescription": f"run {run_id}"}
    metadata = current.get("CustomerMetadataProperties", {})
    wanted |= {key: package.metadata[key] for key in APPROVAL if package.metadata.get(key)}
    if current.get("ModelLifeCycle") == cycle and metadata.items() >= wanted.items():
        return
    sagemaker.update_model_package(
        ModelPackageArn=package.arn, CustomerMetadataProperties=metadata | wanted, ModelLifeCycle=cycle
    )


def retire(sagemaker: Any, arn: str, stage: Stage, run_id: str) -> None:
    """Write down that a version no longer serves the stage: it is not the one to beat."""
    if _serves(sagemaker.describe_model_package(ModelPackageName=arn), stage):
        cycle = {"Stage": stage, "StageStatus": RETIRED, "StageDescription": f"replaced by run {run_id}"}
        sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=cycle)


def _serves(described: dict[str, Any], stage: Stage) -> bool:
    cycle = described.get("ModelLifeCycle", {})
    return (cycle.get("Stage"), cycle.get("StageStatus")) == (stage, IN_SERVICE)
