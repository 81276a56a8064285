"""Which objects a version learns from, each with its version in S3 and its content's hash: one JSON file.

The file lies among the model's artifacts under its own hash, and the version's metadata says where;
`isthmus lineage` reads it. What the data's version must be follows from it: `isthmus audit` compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isthmus.build import content
from isthmus.build.content import File

NAME = "data.json"


def publish(s3: Any, bucket: str, model: str, rows: Iterable[File]) -> str:
    """Write down what these files are; returns the S3 URI of that."""
    objects = [
        {
            "origin": one.origin,
            "version_id": one.version_id,
            "sha256": hashlib.sha256(one.content).hexdigest(),
        }
        for one in rows
    ]
    file = File(NAME, json.dumps({"objects": objects}, indent=1).encode())
    return content.upload(s3, bucket, f"{model}/manifests/{content.version([file])}/", [file]) + NAME


def file_name(number: int, origin: str) -> str:
    """What a file of the data is called, of which the source is number 0: their version holds it."""
    return f"{number:04d}-{Path(origin).stem}.csv"
