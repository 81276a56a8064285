"""Synthesizes both stages of exactly one model version, once; prod gets what staging tested."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from isthmus.config import Platform, read_deploy
from isthmus.deploy.package import Package, check_arn, describe
from isthmus.errors import Refused
from isthmus.infra.synth import synthesize

# What the gates need of the version: how good it was, and rows that it has not seen.
EVIDENCE = ("evaluation.json", "holdout.csv")


def synth(platform: Platform, repository: Path, arn: str, output: Path) -> Package:
    """Write the assembly of `arn`, its description and the gates' evidence into `output`.

    The caller may read the registry and the artifacts (the synth role).
    Raises `Refused` for a version that is not approved or of another model than deploy.yaml's.
    """
    config = read_deploy(repository / "deploy.yaml")
    session = boto3.Session(region_name=platform.region)
    package = describe(session.client("sagemaker"), check_arn(arn))
    if package.model != config.model:
        raise Refused(f"{arn} is a version of {package.model}", where=f"deploy.yaml, model: {config.model}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        package.write(folder)
        synthesize(repository / "app.py", output, arguments=(scratch,))
    package.write(output)
    _fetch_evidence(session.client("s3"), package, output)
    return package


def _fetch_evidence(s3: Any, package: Package, output: Path) -> None:
    where = urlsplit(package.evaluation)
    for name in EVIDENCE:
        key = f"{where.path.strip('/')}/{name}"
        (output / name).write_bytes(s3.get_object(Bucket=where.netloc, Key=key)["Body"].read())
