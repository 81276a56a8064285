"""The files that a version learned from, as its build wrote them down; whether one of them is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from isthmus.errors import BadInput
from isthmus.s3 import read_object


@dataclass(frozen=True)
class DataObject:
    """One file: an S3 URI and that object's version, or a path in the repository; and its SHA-256, in hex."""

    origin: str
    version_id: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def is_meant(self, wanted: str) -> bool:
        """Whether `wanted` is it: its place, in one version (`?versionId=`) or any, or its hash's start."""
        place, _, version = wanted.partition("?versionId=")
        if len(wanted) >= SHORTEST and self.sha256.startswith(wanted.lower()):
            return True
        return place == self.origin and version in ("", self.version_id)


# Of a hash that is given by its first digits.
SHORTEST = 8


class _Manifest(BaseModel):
    objects: list[DataObject]


def read(s3: Any, uri: str) -> list[DataObject]:
    """What a version's manifest lists; nothing where there is none, or the caller may not read it.

    Raises `BadInput` as `parse` does.
    """
    if not uri.startswith("s3://"):
        return []
    try:
        body = read_object(s3, uri)
    except s3.exceptions.ClientError:
        return []
    return parse(body, uri)


def parse(manifest: bytes, where: str) -> list[DataObject]:
    """What it lists; raises `BadInput` where it is not what a build writes: a job wrote it."""
    try:
        return _Manifest.model_validate_json(manifest).objects
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise BadInput(f"the data manifest is not what a build writes: {why[:200]}", where=where) from None
