"""Which models are the platform's: each is written down in Parameter Store by its own stack."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bridge.aws import client
from bridge.settings import settings

NOT_OURS = "no model of the platform: others may keep theirs in the same account"
# As platform.yaml has them. What is called otherwise is not asked for: a slash would lead out of the path.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Model:
    """What platform.yaml says of a model that the bridge goes by."""

    rest_hours: int = 24
    rollback_rejected: bool = False


def find(model: str) -> Model | None:
    """The platform's model of that name, at this moment; None where it has none."""
    if not NAME.fullmatch(model):
        return None
    try:
        found = client("ssm").get_parameter(Name=f"{settings().models_path}/{model}")
    except client("ssm").exceptions.ParameterNotFound:
        return None
    said = json.loads(found["Parameter"]["Value"])
    return Model(**{key: said[key] for key in Model.__dataclass_fields__ if key in said})


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
