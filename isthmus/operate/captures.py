"""Looks for requests among those that an endpoint captured."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from isthmus import names
from isthmus.config import Platform
from isthmus.counting import counted
from isthmus.errors import NotFound

# Files are read side by side, the newest first; these many are looked through before giving up.
READERS = 16
MOST_FILES = 5000


@dataclass(frozen=True)
class Capture:
    """A captured request: when it was, through which configuration and variant, and what was said."""

    inference_id: str
    at: str
    endpoint_config: str
    variant: str
    uri: str
    request: str
    answer: str


@dataclass(frozen=True)
class Captured:
    """The files that a version's answers at a stage lie in: below `uri`, written from `since` to `until`."""

    uri: str
    files: int
    since: str
    until: str


def by_variant(
    s3: Any, platform: Platform, model: str, account: str, config: str, variant: str
) -> Captured | None:
    """What was captured through a variant of an endpoint configuration; None where nothing was.

    Without variants, as of a component or a batch transform, all of it is of the one that serves.
    """
    bucket, folder = names.capture_bucket(platform, account), f"{names.captures(model)}{config}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
    try:
        found = [
            one["LastModified"].isoformat(timespec="seconds")
            for page in pages
            for one in page.get("Contents", [])
            if _variant(one["Key"].removeprefix(folder)) == variant
        ]
    except s3.exceptions.NoSuchBucket:
        return None
    return Captured(f"s3://{bucket}/{folder}", len(found), min(found), max(found)) if found else None


def _variant(path: str) -> str:
    _, _, below = path.partition("/")
    return names.CHALLENGER if below.startswith(f"{names.CHALLENGER}/") else names.VARIANT


def find(s3: Any, platform: Platform, model: str, account: str, inference_id: str) -> Capture:
    """The request of that id (the caller's inference id, or SageMaker's event id); raises `NotFound`.

    `<id>/<row>`, which no request has, is a row of the request of that id.
    """
    bucket = names.capture_bucket(platform, account)
    keys = list(islice(_newest(s3, bucket, model), MOST_FILES))
    batch, _, row = inference_id.rpartition("/")
    for wanted in (inference_id, batch) if batch and row.isdecimal() else (inference_id,):
        with ThreadPoolExecutor(READERS) as pool:
            for key, found in zip(
                keys, pool.map(partial(_search, s3, bucket, inference_id=wanted), keys), strict=True
            ):
                if found:
                    pool.shutdown(wait=False, cancel_futures=True)
                    return _capture(found, bucket, key)
    raise NotFound(
        f"no captured request of {model} has the id {inference_id!r}",
        where=f"s3://{bucket}, the newest {counted(len(keys), 'file')}",
        todo="an answer is captured some seconds after it was given; its id is what --inference-id named",
    )


def known(s3: Any, platform: Platform, model: str, account: str, ids: Collection[str]) -> set[str]:
    """Those of the ids that requests were captured under; `<id>/<row>` is of the request of that id."""
    bucket = names.capture_bucket(platform, account)
    keys = list(islice(_newest(s3, bucket, model), MOST_FILES))
    left, found = set(ids), set()
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(keys), READERS):
            for seen in pool.map(lambda key: _ids(s3, bucket, key), keys[start : start + READERS]):
                found |= {one for one in left if one in seen or one.rpartition("/")[0] in seen}
            left -= found
            if not left:
                break
    return found


def _ids(s3: Any, bucket: str, key: str) -> set[str]:
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace")
    found = set()
    for line in content.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            metadata = json.loads(line)["eventMetadata"]
            found.add(str(_identity(metadata)))
    return found


def _newest(s3: Any, bucket: str, model: str) -> Iterator[str]:
    """The keys of a model's captures: `.../<endpoint config>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>`."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=names.captures(model))
    found = [one for page in pages for one in page.get("Contents", []) if one["Key"].endswith(".jsonl")]
    for one in sorted(found, key=lambda one: one["LastModified"], reverse=True):
        yield one["Key"]


def _search(s3: Any, bucket: str, key: str, inference_id: str) -> dict[str, Any] | None:
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if json.dumps(inference_id)[1:-1].encode() not in content:
        return None
    return next(_matching(content.decode(errors="replace").splitlines(), inference_id), None)


def _matching(lines: Iterable[str], inference_id: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        # A file that was cut off ends in half a line; the monitor counts those.
        with contextlib.suppress(ValueError):
            record = json.loads(line) if inference_id in line else {}
            if inference_id in (record.get("eventMetadata") or {}).values():
                yield record


def _capture(record: dict[str, Any], bucket: str, key: str) -> Capture:
    metadata, data = record["eventMetadata"], record["captureData"]
    return Capture(
        inference_id=_identity(metadata),
        at=metadata["inferenceTime"],
        endpoint_config=key.split("/")[2],
        variant=key.split("/")[4],
        uri=f"s3://{bucket}/{key}",
        request=_text(data["endpointInput"]),
        answer=_text(data["endpointOutput"]),
    )


def _identity(metadata: dict[str, Any]) -> Any:
    """The id that the caller gave, else SageMaker's own."""
    return metadata.get("inferenceId") or metadata["eventId"]


def _text(part: dict[str, Any]) -> str:
    import base64

    data: str = part["data"]
    return base64.b64decode(data).decode(errors="replace") if part.get("encoding") == "BASE64" else data
