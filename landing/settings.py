"""What the Lambda is told by its environment, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Settings:
    """`landing` is the bucket that files arrive in, `data` the one that models are trained from."""

    landing: str
    data: str
    table: str
    bus: str
    models_path: str


@cache
def settings() -> Settings:
    """The settings of this Lambda; raises `KeyError` naming the variable that is missing."""
    said = os.environ
    return Settings(
        landing=said["LANDING_BUCKET"],
        data=said["DATA_BUCKET"],
        table=said["LANDING_TABLE"],
        bus=said["EVENT_BUS"],
        models_path=said["MODELS_PATH"],
    )
