"""Which models are the platform's: each is written down in Parameter Store by its own stack."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from bridge.aws import client
from bridge.settings import settings

NOT_OURS = "no model of the platform: others may keep theirs in the same account"
# As platform.yaml has them. What is called otherwise is not asked for: a slash would lead out of the path.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Approve:
    """Which version of a retraining is approved by rule; `when` is what it was built because of."""

    least_gain: float
    when: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """What platform.yaml says of a model that the bridge goes by. None is no limit, and no rule."""

    name: str
    rollback_rejected: bool = False
    when: tuple[str, ...] = ("quality", "data")
    schedule: str | None = None
    rest_hours: int = 24
    most_per_month: int | None = None
    most_hours_per_month: float | None = None
    approve: Approve | None = None


def find(model: str) -> Model | None:
    """The platform's model of that name, at this moment; None where it has none."""
    if not NAME.fullmatch(model):
        return None
    try:
        found = client("ssm").get_parameter(Name=f"{settings().models_path}/{model}")
    except client("ssm").exceptions.ParameterNotFound:
        return None
    return _read(model, json.loads(found["Parameter"]["Value"]))


def _read(model: str, written: dict[str, Any]) -> Model:
    said = written.get("retraining", {}) | {"rollback_rejected": written.get("rollback_rejected", False)}
    known = {key: said[key] for key in Model.__dataclass_fields__ if key in said}
    if approve := said.get("approve"):
        known["approve"] = Approve(float(approve["least_gain"]), tuple(approve["when"]))
    return Model(name=model, **known)


def is_ours(model: str) -> bool:
    """Whether the platform has a model of that name, at this moment."""
    return find(model) is not None


def page(token: str) -> tuple[list[str], str]:
    """The names of up to ten models of the platform, and the token of the next ones; empty for the last.

    `token` is empty for the first ones.
    """
    more = {"NextToken": token} if token else {}
    found = client("ssm").get_parameters_by_path(Path=settings().models_path, **more)
    return [one["Name"].rpartition("/")[2] for one in found["Parameters"]], found.get("NextToken", "")
