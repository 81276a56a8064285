from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isthmus.monitor.collect import collect, last_days

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Store:
    """The two calls of S3 that are made, over a folder of keys."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def get_paginator(self, _name: str) -> Store:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        assert Bucket == "bucket"
        found = [{"Key": key} for key in self.keys if key.startswith(Prefix)]
        yield {"Contents": found} if found else {}

    def download_file(self, bucket: str, key: str, file: str) -> None:
        Path(file).write_text(f"{bucket}/{key}")


def test_the_last_days_are_fetched_and_older_ones_are_not(tmp_path: Path) -> None:
    store = Store(
        "config/rain/All/2026/03/01/07/a.jsonl",
        "config/rain/All/2026/02/28/23/b.jsonl",
        "config/rain/All/2026/02/26/23/old.jsonl",
        "config/rain/All/2026/03/01/07/note.txt",
        "config/rain/AllOther/2026/03/01/07/c.jsonl",
    )
    assert collect(store, "s3://bucket/config/rain/All", 2, NOW, tmp_path) == 2
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["2026/02/28/23/b.jsonl", "2026/03/01/07/a.jsonl"]


def test_where_nothing_lies_nothing_is_fetched(tmp_path: Path) -> None:
    assert collect(Store(), "s3://bucket/labels/", 30, NOW, tmp_path) == 0


def test_a_window_covers_its_whole_first_day() -> None:
    assert last_days(NOW, 1) == ["2026/02/28", "2026/03/01"]
