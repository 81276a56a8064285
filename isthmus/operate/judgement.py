"""What a build wrote of how good its version is, as far as it is what a build writes.

A job wrote it, and whoever may write for the job may write anything: what has not its shape is said to be
unreadable, and why, and hides no version.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field, RootModel, ValidationError

from isthmus.errors import BadInput
from isthmus.s3 import split_uri

# In bytes; one of a hundred slices has some twenty thousand.
LARGEST = 4_000_000
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=0, le=10**12, strict=True)]


class _Interval(BaseModel):
    value: Number
    ci_low: Number
    ci_high: Number


class _Slice(_Interval):
    slice: str
    n: Count


class _Champion(BaseModel):
    model_package_arn: str = ""
    trouble: str | None = ""
    value: Number | None = None
    ci_low: Number | None = None
    ci_high: Number | None = None


class _Compute(BaseModel):
    instance_type: str = ""
    instance_count: Annotated[int, Field(ge=1, le=1000)] = 1


class Evaluation(_Interval):
    """evaluation.json, as far as people are shown it."""

    metric: str
    threshold: Number
    n: Count
    rows: Count
    confidence: Number
    target: str
    features: list[str]
    higher_is_better: bool = True
    verdict: str = ""
    champion: _Champion | None = None
    slices: list[_Slice] = []
    small_groups: Count = 0
    fewest_rows: Count = 0
    compute: _Compute | None = None


class _Moved(BaseModel):
    feature: str
    psi: Number
    chance: Number
    drifted: bool


class TrainingDrift(RootModel[list[_Moved]]):
    """training_drift.json."""


def read(s3: Any, folder: str, name: str, shape: type[BaseModel]) -> Any:
    """The file of that folder as JSON; None where it is gone or the caller may not read it.

    Raises `BadInput` where it is not of that shape.
    """
    uri = f"{folder.rstrip('/')}/{name}"
    bucket, key = split_uri(uri)
    if not bucket:
        return None
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read(LARGEST + 1)
    except s3.exceptions.ClientError:
        return None
    if len(content) > LARGEST:
        raise BadInput(f"{name} is larger than {LARGEST} bytes", where=uri)
    try:
        found = json.loads(content)
        shape.model_validate(found)
    except (RecursionError, ValueError) as error:
        raise BadInput(f"{name} is not what a build writes: {_why(error)}", where=key) from None
    return found


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return "it is nested too deep" if isinstance(error, RecursionError) else "it is not JSON"
