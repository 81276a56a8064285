"""Which models are the platform's: each is written down in Parameter Store by its own stack."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.aws import client
from bridge.settings import settings

NOT_OURS = "no model of the platform: others may keep theirs in the same account"
# As platform.yaml has them. What is called otherwise is not asked for: a slash would lead out of the path.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def is_ours(model: str) -> bool:
    """Whether the platform has a model of that name, at this moment."""
    if not NAME.fullmatch(model):
        return False
    try:
        client("ssm").get_parameter(Name=f"{settings().models_path}/{model}")
    except client("ssm").exceptions.ParameterNotFound:
        return False
    return True


def ours() -> Iterator[str]:
    """The names of the platform's models, at this moment."""
    pages = client("ssm").get_paginator("get_parameters_by_path").paginate(Path=settings().models_path)
    for page in pages:
        for one in page["Parameters"]:
            yield one["Name"].rpartition("/")[2]
