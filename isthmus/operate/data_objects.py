"""The files that a version learned from, as its build wrote them down; whether one of them is meant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from isthmus.s3 import read_object


@dataclass(frozen=True)
class DataObject:
    """One file: an S3 URI and that object's version, or a path in the repository; and its SHA-256, in hex."""

    origin: str
    version_id: str
    sha256: str

    def is_meant(self, wanted: str) -> bool:
        """Whether `wanted` is it: its place, in one version (`?versionId=`) or any, or its hash's start."""
        place, _, version = wanted.partition("?versionId=")
        if len(wanted) >= SHORTEST and self.sha256.startswith(wanted.lower()):
            return True
        return place == self.origin and version in ("", self.version_id)


# Of a hash that is given by its first digits.
SHORTEST = 8


def read(s3: Any, uri: str) -> list[DataObject]:
    """What a version's manifest lists; nothing where there is none, or the caller may not read it."""
    if not uri.startswith("s3://"):
        return []
    try:
        body = read_object(s3, uri)
    except s3.exceptions.ClientError:
        return []
    return [DataObject(**one) for one in json.loads(body)["objects"]]
