"""The CDK application that a deploy repository runs: both stages of one model version."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus.infra.node import use_node

use_node()

from aws_cdk import App, Validations  # noqa: E402 (Node comes first)
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks  # noqa: E402

from isthmus.config import STAGES, DeployConfig, Platform  # noqa: E402
from isthmus.deploy import comparison, registered  # noqa: E402
from isthmus.deploy.deployment import Deployment  # noqa: E402
from isthmus.deploy.endpoint_stack import EndpointStack  # noqa: E402
from isthmus.deploy.package import read  # noqa: E402


def application(
    platform: Platform, config: DeployConfig, package_folder: Path, outdir: str | None = None
) -> App:
    """Staging and prod of the version described in `package_folder`, ready to synthesize.

    Where a comparison is described there, its champion goes on serving prod, and the version is put beside
    it. Into `outdir`, else `CDK_OUTDIR`, else `cdk.out`. Where CDK validates, cdk-nag's rules do too.
    """
    package, compared = read(package_folder), comparison.read(package_folder)
    app = App(analytics_reporting=False, tree_metadata=False, outdir=outdir)
    if os.environ.get("CDK_VALIDATION") == "true":
        for rules in (AwsSolutionsChecks, NIST80053R5Checks):
            Validations.of(app).add_plugins(rules(app))
    by_service = config.monitoring.engine == "model-monitor"
    known = registered.read(package_folder) if by_service else None
    for stage in STAGES:
        champion = compared.champion if compared and stage == comparison.STAGE else None
        EndpointStack(app, Deployment(platform, config, package, stage, champion, known))
    return app
