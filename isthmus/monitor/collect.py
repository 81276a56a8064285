"""Fetches the last days of captures and labels from S3.

They are no input of the processing job itself: SageMaker fails a job whose prefix is empty, as that of
labels is for weeks, and it would fetch all days, not the last ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from isthmus.monitor import manifests
from isthmus.s3 import split_uri

WORKERS = 16
KINDS = (".jsonl", ".parquet")


def collect(
    s3: Any, uri: str, days: int, now: datetime, folder: Path, share: tuple[int, int] = (0, 1)
) -> int:
    """Fetch the files of the last `days` under `uri` into `folder`; returns how many.

    `share` is that of one instance of several: which it is, and of how many.
    Below `uri` they lie in `<year>/<month>/<day>/<hour>/`, as SageMaker writes them (UTC); of a transform
    there are lists of files instead, which `manifests` reads.
    """
    bucket, prefix = split_uri(uri.rstrip("/"))
    keys = list(_keys(s3, bucket, [f"{prefix}/{day}/" for day in last_days(now, days)]))
    keys = keys[share[0] :: share[1]]

    def fetch(key: str) -> None:
        file = folder / key.removeprefix(f"{prefix}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(file))

    with ThreadPoolExecutor(WORKERS) as pool:
        fetched = len(list(pool.map(fetch, keys)))
    if share[0]:
        return fetched
    return fetched + manifests.collect(s3, bucket, prefix, last_days(now, days), folder)


def last_days(now: datetime, days: int) -> list[str]:
    """The last `days` and today, the oldest first: what happened `days` ago lies partly in the day before."""
    return [(now - timedelta(days=back)).strftime("%Y/%m/%d") for back in range(days, -1, -1)]


def _keys(s3: Any, bucket: str, prefixes: list[str]) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2")
    for prefix in prefixes:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from (one["Key"] for one in page.get("Contents", []) if one["Key"].endswith(KINDS))
