"""platform.yaml, model.yaml and deploy.yaml as typed models; their errors name file, line, key and remedy.

Nothing here talks to a cloud, and nothing knows what stands behind a URL.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from isthmus.errors import BadInput

Config = TypeVar("Config", bound="Strict")
Stage = Literal["staging", "prod"]
STAGES: tuple[Stage, ...] = ("staging", "prod")

AccountId = Annotated[
    str, Field(pattern=r"^\d{12}$", description="An AWS account id: twelve digits, quoted.")
]
Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
# SageMaker names a model package group, a pipeline and an endpoint after it, with a suffix of ours.
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=20)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- platform.yaml


class Accounts(Strict):
    """The AWS accounts, by the role that each plays."""

    dev: AccountId
    automation: AccountId
    staging: AccountId
    prod: AccountId
    management: AccountId | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Accounts:
        roles: dict[str, str] = {}
        for role, account in self:
            if account is not None and account in roles:
                raise ValueError(f"{role} and {roles[account]} are the same account {account}")
            roles[account] = role
        return self


class Azure(Strict):
    """Where the code lives and the pipelines run."""

    organization_url: Url
    organization_id: Guid
    tenant_id: Guid
    project: str = Field(min_length=1, max_length=64)
    issuer: Url = Field(
        default="", validate_default=False, description="Who signs a service connection's tokens."
    )
    audience: str = "api://AzureADTokenExchange"
    authority_host: Url = Field(default="https://login.microsoftonline.com", description="Entra.")
    bridge_client_id: Guid = Field(description="The Entra application that the bridge acts as.")
    connection_client_id: Guid | None = Field(
        default=None, description="The Entra application of the service connections; else the bridge's."
    )
    approvers: list[str] = Field(min_length=1, description="Who may let a deployment pass to prod.")

    @property
    def connection_client(self) -> str:
        return self.connection_client_id or self.bridge_client_id

    @property
    def organization(self) -> str:
        return self.organization_url.rstrip("/").rsplit("/", 1)[-1]

    @property
    def token_issuer(self) -> str:
        return self.issuer or f"https://vstoken.dev.azure.com/{self.organization_id}"


class Network(Strict):
    mode: Literal["none", "managed", "existing"] = "none"
    vpc_id: str | None = Field(default=None, pattern=r"^vpc-[0-9a-f]+$")

    @model_validator(mode="after")
    def _existing_has_id(self) -> Network:
        if (self.mode == "existing") != (self.vpc_id is not None):
            raise ValueError("vpc_id is given exactly when mode is existing")
        return self


class Notifications(Strict):
    email: list[str] = []
    slack: str | None = None
    teams: str | None = None


class Model(Strict):
    """One model of the platform, and the two repositories of the team that owns it."""

    name: ModelName
    owner: str
    build_repository: str = "model-build"
    deploy_repository: str = "model-deploy"


class Platform(Strict):
    """platform.yaml: the one file that describes a platform."""

    name: Name
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    accounts: Accounts
    azure: Azure
    network: Network = Network()
    notifications: Notifications = Notifications()
    models: list[Model] = Field(min_length=1)

    @field_validator("models")
    @classmethod
    def _unique(cls, models: list[Model]) -> list[Model]:
        names = [model.name for model in models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"model {name} stands twice")
        return models

    def model(self, name: str) -> Model:
        """The model of that name; raises `BadInput` with the nearest name."""
        for model in self.models:
            if model.name == name:
                return model
        names = [model.name for model in self.models]
        raise BadInput(f"no model {name!r}{_did_you_mean(name, names)}", where="platform.yaml, models")


# ---------------------------------------------------------------- model.yaml


class Data(Strict):
    source: str = Field(description="A CSV file beside model.yaml, or s3://bucket/key.")
    time: str | None = Field(default=None, description="The column that orders the rows, if any.")
    separator: str = Field(default=",", min_length=1, max_length=1)
    columns: list[str] = Field(default=[], description="The columns' names, where the file has no header.")
    missing: list[str] = Field(default=["?"], description="What stands for no value, beside an empty cell.")


class Evaluation(Strict):
    metric: Literal["auc", "accuracy", "f1_macro", "log_loss", "rmse", "mae", "r2"]
    threshold: float
    holdout: float = Field(
        default=0.25, gt=0, lt=1, description="Share of rows that a version is judged on: the latest."
    )
    folds: int = Field(
        default=4, ge=1, le=50, description="Blocks of those rows; each is predicted from all rows before it."
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    below_bar: Literal["fail", "pass"] = "fail"
    challenger: Literal["beat", "no_worse"] = "beat"

    @property
    def higher_is_better(self) -> bool:
        return self.metric not in ("log_loss", "rmse", "mae")


class Compute(Strict):
    instance_type: str = Field(default="ml.m5.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    instance_count: int = Field(default=1, ge=1, le=20)
    volume_gb: int = Field(default=30, ge=1)
    max_minutes: int = Field(default=60, ge=1)


class ModelConfig(Strict):
    """model.yaml: what is learned from which columns, and how good is good enough."""

    name: ModelName
    image: str = Field(default="isthmus/tabular:1", description="repository:tag in the automation account.")
    problem: Literal["binary", "multiclass", "regression"]
    data: Data
    target: str
    features: list[str] = Field(min_length=1)
    evaluation: Evaluation
    compute: Compute = Compute()
    hyperparameters: dict[str, str | int | float] = {}

    @model_validator(mode="after")
    def _metric_fits(self) -> ModelConfig:
        fitting = METRICS[self.problem]
        if self.evaluation.metric not in fitting:
            raise ValueError(
                f"metric {self.evaluation.metric} does not judge a {self.problem} problem; "
                f"one of {', '.join(fitting)} does"
            )
        if self.target in self.features:
            raise ValueError(f"the target {self.target} is among the features")
        return self


METRICS = {
    "binary": ("auc", "log_loss", "accuracy", "f1_macro"),
    "multiclass": ("accuracy", "f1_macro"),
    "regression": ("rmse", "mae", "r2"),
}


# ---------------------------------------------------------------- deploy.yaml


class Capacity(Strict):
    instance_type: str = Field(default="ml.m5.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    instance_count: int = Field(default=1, ge=1)


class Capacities(Strict):
    staging: Capacity = Capacity()
    prod: Capacity = Capacity()


class Gates(Strict):
    p95_latency_ms: float = Field(default=500, gt=0)
    requests: int = Field(default=50, ge=10)
    concurrency: int = Field(default=1, ge=1, le=64, description="How many requests are asked at a time.")


class Monitoring(Strict):
    schedule: str = Field(
        default="rate(1 day)", pattern=r"^(rate\([1-9]\d* (minute|hour|day)s?\)|cron\([^()]+\))$"
    )
    window_days: int = Field(
        default=30, ge=1, le=400, description="How far back a monitor looks, in days. Labels come late."
    )
    psi: float = Field(default=0.2, gt=0, description="Drift that is too small to matter, whatever its odds.")
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="How sure a finding must be, all features together."
    )


class DeployConfig(Strict):
    """deploy.yaml: how a model version serves, what it must pass, and how it is watched."""

    model: ModelName
    endpoint: Literal["realtime"] = "realtime"
    capacity: Capacities = Capacities()
    capture_percent: int = Field(default=100, ge=0, le=100)
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()


# ---------------------------------------------------------------- reading


def platform_path() -> Path:
    """Which platform.yaml is meant: `ISTHMUS_PLATFORM` in the environment, else the one in this folder."""
    return Path(os.environ.get("ISTHMUS_PLATFORM") or "platform.yaml")


def read_platform(path: Path | str | None = None) -> Platform:
    """Read platform.yaml. `AZURE_DEVOPS_URL` and `AZURE_AUTHORITY_HOST` in the environment say otherwise
    where Azure DevOps and Entra are."""
    platform = read(Path(path) if path else platform_path(), Platform)
    said = {
        "organization_url": os.environ.get("AZURE_DEVOPS_URL"),
        "authority_host": os.environ.get("AZURE_AUTHORITY_HOST"),
    }
    azure = platform.azure.model_copy(update={key: url for key, url in said.items() if url})
    return platform.model_copy(update={"azure": azure})


def read_model(path: Path | str = "model.yaml") -> ModelConfig:
    return read(Path(path), ModelConfig)


def read_deploy(path: Path | str = "deploy.yaml") -> DeployConfig:
    return read(Path(path), DeployConfig)


def read(path: Path, kind: type[Config]) -> Config:
    """Read one configuration file; raises `BadInput` for the first thing that is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"there is no {path.name}", where=str(path), todo="run from the repository, or name the file"
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise BadInput(f"not valid YAML: {error.problem}", where=line) from None
    _refuse_secrets(root, path)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _explained(error, kind, root, path) from None


_SECRET = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\b[a-z2-7]{52}\b|\bxox[bp]-")


def _refuse_secrets(node: yaml.Node | None, path: Path) -> None:
    if isinstance(node, yaml.ScalarNode):
        if _SECRET.search(node.value):
            raise BadInput(
                "this looks like a secret, and no secret belongs in this file",
                where=f"{path}:{node.start_mark.line + 1}",
                todo="remove it and revoke it; Isthmus needs no stored credential",
            )
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_secrets(item, path)
    elif isinstance(node, yaml.MappingNode):
        for _, item in node.value:
            _refuse_secrets(item, path)


def _explained(error: ValidationError, kind: type[Strict], root: yaml.Node | None, path: Path) -> BadInput:
    # A misspelt key is also a missing one: naming what was written helps more.
    first = min(error.errors(), key=lambda one: (one["type"] != "extra_forbidden", _line(root, one["loc"])))
    loc = first["loc"]
    key = ".".join(str(part) for part in loc) or path.name
    where = f"{path}:{_line(root, loc)}, {key}"
    if first["type"] == "extra_forbidden":
        allowed = _keys(kind, loc[:-1])
        return BadInput(
            f"unknown key {loc[-1]!r}{_did_you_mean(str(loc[-1]), allowed)}",
            where=where,
            todo=f"allowed here: {', '.join(allowed)}",
        )
    if first["type"] == "missing":
        return BadInput(f"{loc[-1]!r} is missing", where=where, todo=f"add {loc[-1]}: under the line above")
    found = first.get("input")
    shown = "" if isinstance(found, dict | list) else f", found {found!r}"
    return BadInput(f"{key}: {_plain(first)}{shown}", where=where, todo=_remedy(kind, loc, found))


def _plain(error: Any) -> str:
    message: str = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == r"^\d{12}$":
        return "an AWS account id has twelve digits"
    return message[0].lower() + message[1:]


def _remedy(kind: type[Strict], loc: tuple[int | str, ...], found: object) -> str:
    if isinstance(found, int) and len(loc) > 1 and loc[-2] == "accounts":
        return f'quote it: "{found:012d}"'
    return ""


def _keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        if isinstance(part, str) and isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[part].annotation
        while not isinstance(kind, type) or not issubclass(kind, BaseModel):
            kind = next((arg for arg in getattr(kind, "__args__", ()) if arg is not type(None)), None)
            if kind is None:
                return []
    return list(kind.model_fields)


def _line(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    line = node.start_mark.line if node else 0
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line, value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1


def _did_you_mean(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word, allowed, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
