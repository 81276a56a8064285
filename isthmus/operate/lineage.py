"""Where a model version came from and where it went; from the version, or back from one prediction."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.config import STAGES, Platform, Stage
from isthmus.errors import NotFound
from isthmus.operate import captures, endpoints, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.captures import Capture
from isthmus.operate.devops import Said
from isthmus.operate.registry import Version
from isthmus.serving import version_behind


@dataclass(frozen=True)
class Deployment:
    """A version at a stage: the Azure run that brought it there, who let it pass, and whether it runs now."""

    stage: Stage
    run_id: str
    endpoint: str
    running: bool
    passed_by: str = ""
    passed_at: str = ""
    url: str = ""


@dataclass(frozen=True)
class Lineage:
    """`origin` holds what the build recorded: commit, repository, run, data version, execution, ..."""

    version: Version
    origin: dict[str, str]
    deployments: list[Deployment]
    capture: Capture | None = None


ORIGIN = {
    "commit": "commit",
    "repository": "repository",
    "run_id": "build run",
    "reason": "built because of",
    "correlation_id": "correlation id",
    "data_version": "data version",
    "data_set": "data set that landed",
    "evaluation_uri": "evaluation",
    "baseline_uri": "baseline",
}
"""What the build records in the registry, and what people call it."""
# A pipeline parameter cannot be empty, so this is recorded where there was nothing to record.
NONE = "none"


def of_version(accounts: Accounts, model: str, wanted: str | None, said: Said) -> Lineage:
    """The lineage of a version of that number or ARN, or of the newest."""
    return _of(accounts, registry.find(accounts.client("automation", "sagemaker"), model, wanted), said)


def of_prediction(accounts: Accounts, model: str, stage: Stage, inference_id: str, said: Said) -> Lineage:
    """The lineage of the version that gave one captured prediction. Raises `NotFound`."""
    account = getattr(accounts.platform.accounts, stage)
    capture = captures.find(accounts.client(stage, "s3"), accounts.platform, model, account, inference_id)
    found = _of(accounts, _that_answered(accounts, model, stage, capture), said)
    return Lineage(found.version, found.origin, found.deployments, capture)


def _that_answered(accounts: Accounts, model: str, stage: Stage, capture: Capture) -> Version:
    """The version behind the endpoint configuration that answered, also where that has been deleted."""
    recorded = registry.versions(accounts.client("automation", "sagemaker"), model)
    for version in recorded:
        if version.metadata.get(f"{stage}_endpoint_config") == capture.endpoint_config:
            return version
    serving = accounts.client(stage, "sagemaker")
    try:
        arn = version_behind(serving, capture.endpoint_config)
    except serving.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        raise NotFound(
            f"the endpoint configuration {capture.endpoint_config} that answered is there no more, and no "
            "version says that it was its own",
            where=capture.uri,
        ) from None
    return registry.find(accounts.client("automation", "sagemaker"), model, arn)


def _of(accounts: Accounts, version: Version, said: Said) -> Lineage:
    recorded = {label: version.metadata.get(key, "") for key, label in ORIGIN.items()}
    origin = {label: value for label, value in recorded.items() if value not in ("", NONE)}
    if version.execution:
        origin["execution"] = version.execution
    found = [_deployment(accounts, version, stage, said) for stage in STAGES]
    return Lineage(version, origin, [one for one in found if one])


def _deployment(accounts: Accounts, version: Version, stage: Stage, said: Said) -> Deployment | None:
    run_id = version.metadata.get(f"{stage}_run_id", "")
    running = endpoints.find(accounts.client(stage, "sagemaker"), version.model, stage)
    here = running.model_package_arn == version.arn
    if not run_id and not here:
        return None
    run = said.run(run_id)
    asked = said.asked and not said.problem and stage == "prod" and run_id
    passed = _passed(accounts.platform, int(run_id)) if asked else ("", "")
    return Deployment(stage, run_id, running.name, here, *passed, run.url if run else "")


def _passed(platform: Platform, run: int) -> tuple[str, str]:
    """Who let the run pass to prod, and when."""
    from isthmus.azure import approvals
    from isthmus.azure.client import connect

    return approvals.passed(connect(platform), run)
