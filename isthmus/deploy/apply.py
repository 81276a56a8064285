"""Deploys one stage of an assembly, and asserts that what runs is what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.deploy.package import Package, read
from isthmus.errors import Problem
from isthmus.infra.assembly import deploy_stack


@dataclass(frozen=True)
class Deployed:
    """What runs after a deployment."""

    stage: Stage
    endpoint: str
    endpoint_config: str
    model_package_arn: str


def apply(
    platform: Platform, assembly: Path, stage: Stage, run_id: str, say: Callable[[str], None]
) -> Deployed:
    """Deploy `stage` as the caller (its deploy role), and record in the registry that the version runs there.

    Raises `Problem` where CloudFormation rolls back, or where it reports success and the endpoint runs
    something else (SageMaker can roll back in silence).
    """
    package = read(assembly)
    session = boto3.Session(region_name=platform.region)
    deploy_stack(
        session,
        assembly,
        names.endpoint_stack(platform, package.model, stage),
        tags={"isthmus:run-id": run_id},
        say=say,
    )
    running = _running(session.client("sagemaker"), package, stage)
    record(session.client("sagemaker"), package, stage, run_id)
    return running


def _running(sagemaker: Any, package: Package, stage: Stage) -> Deployed:
    """What the endpoint runs now; raises `Problem` where that is not the package."""
    name = names.endpoint(package.model)
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    found = (model.get("Containers") or [model.get("PrimaryContainer", {})])[0].get("ModelPackageName")
    if endpoint["EndpointStatus"] != "InService" or found != package.arn:
        raise Problem(
            f"endpoint {name} in {stage} is {endpoint['EndpointStatus']} and runs {found}, not {package.arn}",
            where=endpoint["EndpointArn"],
            todo=endpoint.get("FailureReason", "look at the endpoint's log and deploy again"),
        )
    return Deployed(stage, name, endpoint["EndpointConfigName"], package.arn)


def record(sagemaker: Any, package: Package, stage: Stage, run_id: str) -> None:
    """Write down in the registry where the version runs and which run brought it there; idempotent.

    This is an update of metadata: the event that it causes names no change of approval and starts nothing.
    """
    current = sagemaker.describe_model_package(ModelPackageName=package.arn)
    wanted = {f"{stage}_run_id": run_id, f"{stage}_endpoint": names.endpoint(package.model)}
    cycle = {"Stage": stage, "StageStatus": "InService", "StageDescription": f"run {run_id}"}
    metadata = current.get("CustomerMetadataProperties", {})
    if package.metadata.get("approved_by"):
        wanted["approved_by"] = package.metadata["approved_by"]
    if current.get("ModelLifeCycle") == cycle and metadata.items() >= wanted.items():
        return
    sagemaker.update_model_package(
        ModelPackageArn=package.arn, CustomerMetadataProperties=metadata | wanted, ModelLifeCycle=cycle
    )
