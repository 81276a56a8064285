"""Fetches the last days of captures and labels from S3.

They are no input of the processing job itself: SageMaker fails a job whose prefix is empty, as that of
labels is for weeks, and it would fetch all days, not the last ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from isthmus.monitor.capture import Bad
from isthmus.s3 import split_uri

WORKERS = 16
# Which instance of how many this is.
ALL = (0, 1)
KINDS = (".jsonl", ".parquet")
# A system takes names of 255 bytes, and a download adds some while it lasts.
LONGEST_NAME = 200
NO_PATH = "its key is no path of a file"


@dataclass(frozen=True)
class Fetched:
    """How many files came, and which could not: whoever may put one must not end the monitor with it."""

    files: int
    bad: list[Bad]

    def __add__(self, other: Fetched) -> Fetched:
        return Fetched(self.files + other.files, self.bad + other.bad)


def collect(
    s3: Any, uri: str, days: int, now: datetime, folder: Path, share: tuple[int, int] = ALL
) -> Fetched:
    """Fetch the files of the last `days` under `uri` into `folder`.

    `share` is that of one instance of several: which it is, and of how many.
    Below `uri` they lie in `<year>/<month>/<day>/<hour>/`, as SageMaker writes them (UTC).
    """
    bucket, prefix = split_uri(uri.rstrip("/"))
    keys = list(_keys(s3, bucket, [f"{prefix}/{day}/" for day in last_days(now, days)]))
    keys = keys[share[0] :: share[1]]

    def fetch(key: str) -> Bad | None:
        name = key.removeprefix(f"{prefix}/")
        if not names_a_file(name):
            return Bad(name, 0, NO_PATH)
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(file))
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            return Bad(name, 0, "its key is that of a folder, too")
        except s3.exceptions.ClientError as error:
            # Between the listing and this, its life may have ended.
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            return Bad(name, 0, "it was deleted before it was read")
        return None

    with ThreadPoolExecutor(WORKERS) as pool:
        bad = [one for one in pool.map(fetch, keys) if one]
    return Fetched(len(keys) - len(bad), bad)


def names_a_file(name: str) -> bool:
    """Whether it is a path that stays below its folder."""
    return all(part not in ("", ".", "..") and len(part.encode()) <= LONGEST_NAME for part in name.split("/"))


def last_days(now: datetime, days: int) -> list[str]:
    """The last `days` and today, the oldest first: what happened `days` ago lies partly in the day before."""
    return [(now - timedelta(days=back)).strftime("%Y/%m/%d") for back in range(days, -1, -1)]


def _keys(s3: Any, bucket: str, prefixes: list[str]) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2")
    for prefix in prefixes:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from (one["Key"] for one in page.get("Contents", []) if one["Key"].endswith(KINDS))
