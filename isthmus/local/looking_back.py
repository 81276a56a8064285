"""What the clouds keep of a demo, read back for its report: versions, deployments, hops, where time went."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from isthmus.azure import approvals
from isthmus.azure.client import Client
from isthmus.config import STAGES
from isthmus.local.report import Report
from isthmus.local.world import World
from isthmus.operate import hops, registry
from isthmus.operate.registry import Version


def look_back(world: World, report: Report) -> None:
    """Fill the report."""
    client = world.client()
    for version in registry.versions(world.sagemaker("automation"), world.model.name):
        report.model_packages.append(_package(version))
        report.deployments += _deployments(client, version)
    logs = world.session("automation").client("logs")
    report.events += [vars(hop) for hop in hops.read(logs, world.platform)]


def _package(version: Version) -> dict[str, Any]:
    return {
        "arn": version.arn,
        "version": version.number,
        "status": version.status,
        "metrics": version.metric,
        "gain": asdict(version.gain) if version.gain else None,
        "approved_by": version.approved_by,
        "approved_at": version.approved_at,
        "comment": version.comment,
    }


def _deployments(client: Client, version: Version) -> list[dict[str, Any]]:
    """`approved_by` let the version into the stage, at `approved_at`: into staging by approving it in the
    registry, into prod by the approvals of the run (`passed_by`)."""
    found = []
    for stage in STAGES:
        run = version.metadata.get(f"{stage}_run_id")
        if not run:
            continue
        passed, at = approvals.passed(client, int(run)) if stage == "prod" else ("", "")
        found.append(
            {
                "stage": stage,
                "model_package_arn": version.arn,
                "run_id": int(run),
                "endpoint": version.metadata[f"{stage}_endpoint"],
                "version_approved_by": version.approved_by,
                "version_approved_at": version.approved_at,
                "passed_by": passed,
                "passed_at": at,
                "approved_by": passed or version.approved_by,
                "approved_at": at or version.approved_at,
            }
        )
    return found
