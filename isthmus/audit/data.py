"""The version of the data that a build listed, which the version's metadata must name."""

from __future__ import annotations

from typing import Any

from isthmus.build import content
from isthmus.build.content import File
from isthmus.build.manifest import NAME, file_name
from isthmus.errors import BadInput
from isthmus.operate.data_objects import parse
from isthmus.s3 import find, split_uri


def data_version(s3: Any, bucket: str, model: str, uri: str) -> str:
    """Of the manifest there; empty where none lies as `isthmus.build.manifest.publish` writes it."""
    place, key = split_uri(uri)
    if place != bucket or not key.startswith(f"{model}/manifests/"):
        return ""
    answer = find(s3, uri)
    if answer is None:
        return ""
    found = answer["Body"].read()
    if key != f"{model}/manifests/{content.version([File(NAME, found)])}/{NAME}":
        return ""
    try:
        objects = parse(found, uri)
    except BadInput:
        return ""
    return content.version_of((file_name(at, one.origin), one.sha256) for at, one in enumerate(objects))
