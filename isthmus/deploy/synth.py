"""Synthesizes both stages of exactly one model version, once; prod gets what staging tested."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from isthmus.config import STAGES, DeployConfig, Platform, read_deploy
from isthmus.deploy import comparison, evidence
from isthmus.deploy.comparison import Comparison
from isthmus.deploy.package import Package, check_arn, describe
from isthmus.errors import Refused
from isthmus.infra.synth import synthesize
from isthmus.network import references


def synth(
    platform: Platform,
    repository: Path,
    arn: str,
    output: Path,
    *,
    validate: bool = False,
    alone: bool = False,
) -> tuple[Package, Comparison | None]:
    """Write the assembly of `arn`, its description and the gates' evidence into `output`.

    The caller may read the registry and the artifacts (the synth role). With `validate` CDK checks the
    templates itself, which costs seconds; `alone`, the version takes the place of what serves, whatever
    deploy.yaml says of comparing. Gives the version, and what it is compared with in prod.
    Raises `Refused` for a version that is not approved or of another model than deploy.yaml's, and
    `NotFound` where something of it is gone. Whatever fails, nothing half-made is left in `output`.
    """
    import boto3

    config = read_deploy(repository / "deploy.yaml")
    session = boto3.Session(region_name=platform.region)
    sagemaker = session.client("sagemaker")
    package = describe(sagemaker, check_arn(platform, arn))
    if package.model != config.model:
        raise Refused(f"{arn} is a version of {package.model}", where=f"deploy.yaml, model: {config.model}")
    require_fit(platform, config)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        package.write(folder)
        if compared := None if alone else comparison.begin(sagemaker, config, package):
            compared.write(folder)
        evidence.fetch(session.client("s3"), package, folder)
        synthesize(repository / "app.py", output, validate=validate, arguments=(scratch,))
        for file in folder.iterdir():
            shutil.copy(file, output)
    return package, compared


def require_fit(platform: Platform, config: DeployConfig) -> None:
    """Raise `Refused` where deploy.yaml asks for what the platform's accounts cannot have."""
    if config.endpoint == "serverless" and any(references(platform, stage) for stage in STAGES):
        raise Refused(
            "SageMaker has no serverless endpoints in a VPC, and platform.yaml, network has models in one",
            where="deploy.yaml, endpoint: serverless",
            todo="serve by realtime, async or batch",
        )
