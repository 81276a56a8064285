"""The CDK application that a deploy repository runs: both stages of one model version."""

from __future__ import annotations

from pathlib import Path

from isthmus.infra.node import use_node

use_node()

from aws_cdk import App  # noqa: E402 (Node comes first)

from isthmus.config import STAGES, DeployConfig, Platform  # noqa: E402
from isthmus.deploy.deployment import Deployment  # noqa: E402
from isthmus.deploy.endpoint_stack import EndpointStack  # noqa: E402
from isthmus.deploy.package import read  # noqa: E402


def application(
    platform: Platform, config: DeployConfig, package_folder: Path, outdir: str | None = None
) -> App:
    """Staging and prod of the version described in `package_folder`, ready to synthesize.

    Into `outdir`, else `CDK_OUTDIR`, else `cdk.out`.
    """
    package = read(package_folder)
    app = App(analytics_reporting=False, tree_metadata=False, outdir=outdir)
    for stage in STAGES:
        EndpointStack(app, Deployment(platform, config, package, stage))
    return app
