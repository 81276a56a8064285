"""What runs where: a model's endpoint in each serving account, and the version behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.config.kinds import Kind
from isthmus.errors import NotFound
from isthmus.serving import Change, look


@dataclass(frozen=True)
class Endpoint:
    """What serves a model at a stage: an endpoint, its own or a shared one, or a batch pipeline.

    `model_package_arn` is empty where there is none, `challenger_arn` where none is compared with it, and
    `component`, the model's part of a shared endpoint, where it has one of its own.
    """

    stage: str
    name: str
    status: str
    model_package_arn: str
    run_id: str
    since: str
    config: str = ""
    kind: Kind = "realtime"
    challenger_arn: str = ""
    shadow: bool = False
    component: str = ""
    # How it runs otherwise than its configuration says.
    changed: tuple[Change, ...] = ()

    @property
    def model(self) -> str:
        # A component is called as its model.
        return self.component or self.name.removesuffix(f"-{self.kind}")

    @property
    def version(self) -> str:
        return self.model_package_arn.rsplit("/", 1)[-1]

    @property
    def challenger(self) -> str:
        """The number of the version that is compared with it; empty where none is."""
        return self.challenger_arn.rsplit("/", 1)[-1]

    def runs(self, arn: str) -> bool:
        """Whether it serves that version, or compares it with the one that it serves."""
        return arn in (self.model_package_arn, self.challenger_arn)


def find(sagemaker: Any, model: str, stage: Stage) -> Endpoint:
    """The model's endpoint in the account that the client is of."""
    try:
        found = look(sagemaker, model, stage)
    except NotFound:
        return Endpoint(stage, names.endpoint(model), "none", "", "", "")
    arn = found.model_package_arn
    run, since = _run(sagemaker, arn, stage), found.since.isoformat()
    return Endpoint(
        stage=stage,
        name=found.endpoint,
        status=found.status,
        model_package_arn=arn,
        run_id=run,
        since=since,
        config=found.endpoint_config,
        kind=found.kind,
        challenger_arn=found.challenger,
        shadow=found.shadow,
        component=found.component,
        changed=found.changed,
    )


def _run(sagemaker: Any, arn: str, stage: Stage) -> str:
    """The Azure run that brought the version here, as the deployment recorded it in the registry."""
    if not arn:
        return ""
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    run: str = package.get("CustomerMetadataProperties", {}).get(f"{stage}_run_id", "")
    return run
