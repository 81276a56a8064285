"""Captures of batch transforms, as lines like those of an endpoint: one for each file that was answered.

SageMaker writes down two lists of files, of what was asked and of what was answered, in the same order (its
developer guide, "Capture data from batch transform job"). A file's inference id is its name: rows are
`<name>/<row>`. What gates have asked is no traffic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from isthmus.names import GATE_PREFIX
from isthmus.s3 import read_object

ASKED, ANSWERED = "input", "output"


def collect(s3: Any, bucket: str, prefix: str, days: Sequence[str], folder: Path) -> int:
    """Fetch what transforms of these days have captured under the prefix; returns how many files."""
    if next(_keys(s3, bucket, f"{prefix}/{ASKED}/"), None) is None:
        return 0
    count = 0
    for day in days:
        for key in _keys(s3, bucket, f"{prefix}/{ASKED}/{day}/"):
            other = key.replace(f"{prefix}/{ASKED}/", f"{prefix}/{ANSWERED}/", 1)
            asked, answered = (_files(s3, bucket, one) for one in (key, other))
            for number, pair in enumerate(zip(asked, answered, strict=True)):
                if not pair[0].rsplit("/", 1)[-1].startswith(GATE_PREFIX):
                    _write(s3, folder / f"{day}/{Path(key).stem}-{number}.jsonl", *pair)
                    count += 1
    return count


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (one["Key"] for one in page.get("Contents", []))


def _files(s3: Any, bucket: str, key: str) -> list[str]:
    """The S3 URIs of a list."""
    first, *names = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return [f"{first['prefix']}{name}" for name in names]


def _write(s3: Any, file: Path, asked: str, answered: str) -> None:
    line = {
        "captureData": {"endpointInput": _side(s3, asked), "endpointOutput": _side(s3, answered)},
        "eventMetadata": {"eventId": asked, "inferenceId": asked.rsplit("/", 1)[-1]},
        "eventVersion": "0",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(line) + "\n")


def _side(s3: Any, uri: str) -> dict[str, str]:
    text = read_object(s3, uri).decode("utf-8", errors="replace")
    return {"observedContentType": "text/csv", "encoding": "CSV", "data": text}
