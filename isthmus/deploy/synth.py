"""Synthesizes both stages of exactly one model version, once; prod gets what staging tested."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from isthmus.config import STAGES, DeployConfig, Platform, model_monitor, read_deploy
from isthmus.config.reading import place
from isthmus.deploy import comparison, evidence, registered
from isthmus.deploy.comparison import Comparison
from isthmus.deploy.package import Package, check_arn, describe
from isthmus.errors import Refused, did_you_mean
from isthmus.infra.synth import synthesize
from isthmus.instances import HOSTING, PROCESSING, TRANSFORM, require_known
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

    file = repository / "deploy.yaml"
    config = read_deploy(file)
    session = boto3.Session(region_name=platform.region)
    sagemaker = session.client("sagemaker")
    package = describe(sagemaker, check_arn(platform, arn))
    if package.model != config.model:
        raise Refused(
            f"{arn} is a version of {package.model}", where=f"{place(file, 'model')}: {config.model}"
        )
    require_fit(platform, config, file)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        package.write(folder)
        if compared := None if alone else comparison.begin(sagemaker, config, package):
            compared.write(folder)
        evidence.fetch(session.client("s3"), package, folder)
        if config.monitoring.engine == "model-monitor":
            _require_watchable(config, folder, file)
        synthesize(repository / "app.py", output, validate=validate, arguments=(scratch,))
        for made in folder.iterdir():
            shutil.copy(made, output)
    return package, compared


def _require_watchable(config: DeployConfig, folder: Path, file: Path) -> None:
    """Raise `Refused` where the version in `folder` lacks what Model Monitor watches it by."""
    for name in evidence.OF_MODEL_MONITOR:
        if not (folder / name).exists():
            raise Refused(
                f"the version has no {name} for Model Monitor: it was built before Isthmus wrote it",
                where=place(file, "monitoring", "engine"),
                todo="build the version again",
            )
    metric = registered.read(folder).metric
    if config.monitoring.model_quality and metric not in model_monitor.METRICS:
        raise Refused(
            f"Model Monitor measures no {metric}, by which the version is judged",
            where=place(file, "monitoring", "model_quality"),
            todo=f"leave it out, or judge the model by one of: {', '.join(model_monitor.METRICS)}",
        )


def require_fit(platform: Platform, config: DeployConfig, file: Path) -> None:
    """Raise `Refused` where deploy.yaml asks for what the platform's accounts cannot have.

    And `BadInput` for instances that SageMaker does not have.
    """
    for stage in STAGES:
        asked, kinds = getattr(config.capacity, stage), TRANSFORM if config.endpoint == "batch" else HOSTING
        require_known(asked.instance_type, kinds, file, "capacity", stage, "instance_type")
    require_known(config.monitoring.instance_type, PROCESSING, file, "monitoring", "instance_type")
    if config.endpoint == "serverless" and any(references(platform, stage) for stage in STAGES):
        raise Refused(
            "SageMaker has no serverless endpoints in a VPC, and platform.yaml, network has models in one",
            where=place(file, "endpoint"),
            todo="serve by realtime, async or batch",
        )
    if config.monitoring.engine == "model-monitor" and platform.region not in model_monitor.ANALYZERS:
        raise Refused(
            f"SageMaker Model Monitor is not in {platform.region}, platform.yaml's region",
            where=place(file, "monitoring", "engine"),
            todo="leave it out: Isthmus' own monitor is everywhere",
        )
    shared, known = config.shared, [one.name for one in platform.shared_endpoints]
    if shared and shared.endpoint not in known:
        raise Refused(
            f"there is no shared endpoint {shared.endpoint!r}{did_you_mean(shared.endpoint, known)}",
            where=place(file, "shared", "endpoint"),
            todo="name one of platform.yaml's shared_endpoints"
            + (f": {', '.join(known)}" if known else ", which has none: write it in, isthmus infra deploy"),
        )
