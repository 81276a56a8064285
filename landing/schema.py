"""What a model takes: its build wrote that down in the data bucket, from model.yaml and the rows that it has.

The format is agreed with `isthmus/build/schema.py`, which is the only writer.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from landing.aws import client
from landing.refused import Refused, shown
from landing.settings import settings

MODEL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Schema:
    """`columns` are those of the training data in order; `kinds` says what must be in which of them.

    A kind is `number`, `text`, `time` (a number or an ISO date) or `class` (one of `classes`, if any are
    listed). `most_missing` is a share of rows, `largest` in bytes.
    """

    columns: tuple[str, ...]
    header: bool
    separator: str
    missing: frozenset[str]
    kinds: dict[str, str]
    classes: frozenset[str]
    files: tuple[str, ...]
    complete: str
    most_missing: float
    fewest_rows: int
    largest: int

    def pattern_of(self, name: str) -> str:
        """Which of the files it is; raises `Refused` where it is none."""
        for pattern in self.files:
            if fnmatch.fnmatchcase(name, pattern):
                return pattern
        raise Refused(f"its name fits none of the model's files: {', '.join(self.files)}")


def read_schema(model: str) -> Schema:
    """The schema of a model; raises `Refused` where nothing lands for it, or it was never built."""
    largest = _largest(model)
    try:
        answer = client("s3").get_object(Bucket=settings().data, Key=f"{model}/schema.json")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        raise Refused(f"the model {model} has not said what it takes: build it once") from None
    said = json.loads(answer["Body"].read())
    return Schema(
        columns=tuple(said["columns"]),
        header=said["header"],
        separator=said["separator"],
        missing=frozenset(said["missing"]) | {""},
        kinds=said["kinds"],
        classes=frozenset(said["classes"]),
        files=tuple(said["files"]),
        complete=said["complete"],
        most_missing=said["most_missing"],
        fewest_rows=said["fewest_rows"],
        largest=largest,
    )


def _largest(model: str) -> int:
    """How many bytes a file of the model may have, as platform.yaml says; its stack wrote that down."""
    nothing = Refused(f"no data land for a model {shown(model)}: see landing in platform.yaml")
    # A slash would lead out of the path.
    if not MODEL.fullmatch(model):
        raise nothing
    ssm = client("ssm")
    try:
        value = ssm.get_parameter(Name=f"{settings().models_path}/{model}")["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        raise nothing from None
    landing: dict[str, Any] | None = json.loads(value).get("landing")
    if landing is None:
        raise nothing
    return int(landing["megabytes"]) * 1_000_000
