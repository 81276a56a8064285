"""Captures and labels come from S3, whoever else puts something there; the step is run on a local AWS."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.errorfactory
import botocore.session
import pytest

from isthmus.monitor import manifests
from isthmus.monitor.capture import Format, batches
from isthmus.monitor.collect import Fetched, collect, last_days
from isthmus.monitor.findings import Findings, parse
from tests.local.conftest import PROD, ROOT_SECRET, Aws, aws, issuer, programs
from tests.monitor.captured import label, line
from tests.monitor.job import run
from tests.monitor.test_step import lay

__all__ = ["aws", "issuer", "programs"]
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
    assert collect(store, "s3://bucket/config/rain/All", 2, NOW, tmp_path) == Fetched(2, [])
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["2026/02/28/23/b.jsonl", "2026/03/01/07/a.jsonl"]


def test_where_nothing_lies_nothing_is_fetched(tmp_path: Path) -> None:
    assert collect(Store(), "s3://bucket/labels/", 30, NOW, tmp_path) == Fetched(0, [])


def test_a_window_covers_its_whole_first_day() -> None:
    assert last_days(NOW, 1) == ["2026/02/28", "2026/03/01"]


class Transform(Store):
    """A bucket with the two lists of a transform that had one file."""

    exceptions = botocore.errorfactory.ClientExceptionsFactory().create_client_exceptions(
        botocore.session.get_session().get_service_model("s3")
    )

    def __init__(self, asked: str, answered: str) -> None:
        names = [f"captures/{kind}/2026/03/01/07/list" for kind in ("input", "output")]
        super().__init__(*names)
        lists = (json.dumps([{"prefix": "s3://bucket/"}, name]) for name in ("in.csv", "out.csv"))
        contents = (one.encode() for one in (*lists, asked, answered))
        self.content = dict(zip([*names, "in.csv", "out.csv"], contents, strict=True))

    def download_file(self, bucket: str, key: str, file: str) -> None:
        assert bucket == "bucket"
        Path(file).write_bytes(self.content[key])

    def collected(self, folder: Path) -> Fetched:
        return manifests.collect(self, "s3://bucket/captures", 0, NOW, folder)


def test_rows_of_a_file_have_the_answers_and_ids_of_their_places(tmp_path: Path) -> None:
    window = Transform('b,a\n"x\ny",1\n\nz,2\n', "0.5\n0.7\n")
    assert window.collected(tmp_path) == Fetched(1, [])
    (batch,) = batches(tmp_path, Format({"a": "number", "b": "text"}))
    assert batch.rows.rows() == [(1.0, "x\ny"), (2.0, "z")]
    assert (batch.predictions.to_list(), batch.ids.to_list()) == (["0.5", "0.7"], ["in.csv/0", "in.csv/1"])
    assert batch.bad == []


@pytest.mark.parametrize(
    ("asked", "answered", "reason"),
    [
        ("1\n2\n3\n", "1\n", "3 rows asked, and 1 answered"),
        ("1\n", "1\n2\n", "1 row asked, and 2 answered"),
        ("a\n", "", "1 row asked, and 0 answered"),
        ('"1\n', "1\n", "not CSV: unexpected end of data"),
    ],
)
def test_a_file_that_was_not_answered_row_by_row_is_set_aside(
    asked: str, answered: str, reason: str, tmp_path: Path
) -> None:
    found = Transform(asked, answered).collected(tmp_path)
    assert (found.files, [one.reason for one in found.bad]) == (0, [reason])
    assert not list(batches(tmp_path, Format({"a": "number"})))


def test_of_a_file_one_row_is_held_at_a_time(tmp_path: Path) -> None:
    window = Transform(f"1.5,{'x' * 1000}\n" * 2_000, "0.5\n" * 2_000)
    tracemalloc.start()
    try:
        assert window.collected(tmp_path) == Fetched(1, [])
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


class Window:
    """A bucket with captures and labels of today, and the step that reads them."""

    def __init__(self, aws: Aws, bucket: str) -> None:
        self.aws, self.bucket = aws, bucket
        self.s3 = aws.client("s3", PROD)
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
        self.day = datetime.now(UTC).strftime("%Y/%m/%d")

    def put(self, key: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.s3.put_object(Bucket=self.bucket, Key=key.replace("DAY", self.day), Body=text.encode())

    def listed(self, name: str, asked: list[str], answered: list[str]) -> None:
        """The two lists of a transform that had these files."""
        for kind, names in (("input", asked), ("output", answered)):
            self.put(
                f"captures/{kind}/DAY/08/{name}", [{"prefix": f"s3://{self.bucket}/transformed/"}, *names]
            )

    def monitored(self, opt_ml: Path) -> tuple[Findings, list[dict[str, Any]]]:
        """What the step finds, and what it set aside."""
        lay(opt_ml)
        for name in ("captures", "labels"):
            for file in (opt_ml / "processing" / "input" / name).rglob("*.jsonl"):
                file.unlink()
        run(
            opt_ml,
            self.aws.url,
            AWS_ACCESS_KEY_ID=PROD,
            AWS_SECRET_ACCESS_KEY=ROOT_SECRET,
            CAPTURES_URI=f"s3://{self.bucket}/captures",
            LABELS_URI=f"s3://{self.bucket}/labels",
        )
        report = opt_ml / "processing" / "output" / "report"
        aside = (report / "set_aside.jsonl").read_text().splitlines()
        return parse((report / "findings.json").read_bytes()), [json.loads(one) for one in aside]


ROW = "température,kind,<b>\n1,a,0\n"


def test_a_list_or_a_file_that_cannot_be_read_is_set_aside_and_the_others_are_read(
    aws: Aws, tmp_path: Path
) -> None:
    window = Window(aws, "unreadable-lists")
    for name, content in (("asked.csv", ROW), ("asked.csv.out", "0.5\n")):
        window.put(f"transformed/{name}", content)
    window.listed("good", ["asked.csv"], ["asked.csv.out"])
    window.listed("gone", ["deleted.csv", "asked.csv"], ["deleted.csv.out", "asked.csv.out"])
    window.listed("uneven", ["asked.csv"], [])
    for name, content in (
        ("junk", "{cut"),
        ("none", []),
        ("other", {"prefix": 1}),
        ("deep", "[" * 100_000),
        ("alone", [{"prefix": ""}]),
    ):
        window.put(f"captures/input/DAY/08/{name}", content)
    window.put("captures/input/DAY/08/elsewhere", [{"prefix": "s3://no bucket/"}, "a"])
    window.put("captures/output/DAY/08/elsewhere", [{"prefix": "s3://no bucket/"}, "b"])
    # No list of a transform lies among labels.
    window.put("labels/input/DAY/08/x", "junk")
    window.put("labels/DAY/08/a.jsonl", label("asked.csv", 1))
    found, aside = window.monitored(tmp_path)
    assert found.rows == 2
    named = {one["file"].rsplit("/", 1)[-1]: one for one in aside}
    assert sorted(named) == ["alone", "deep", "elsewhere", "gone", "junk", "none", "other", "uneven"]
    assert found.bad_lines == len(aside) == 8
    assert named["gone"]["content"].endswith("/transformed/deleted.csv")
    assert named["uneven"]["reason"] == "1 file asked, and 0 answered"


def test_a_key_that_is_no_path_is_set_aside_and_nothing_is_planted(aws: Aws, tmp_path: Path) -> None:
    window = Window(aws, "planted")
    window.put("captures/DAY/08/a.jsonl", line(ROW, "0.5\n", "mine"))
    window.put("labels/DAY/08/a.jsonl", label("mine", 1))
    window.put("labels/DAY/08/../../../../../captures/DAY/up.jsonl", line(ROW, "0.5\n", "planted"))
    for key in ("DAY//none.jsonl", f"DAY/08/{'x' * 300}.jsonl", "DAY/08/a.jsonl/below.jsonl"):
        window.put(f"labels/{key}", label("planted", 1))
    found, aside = window.monitored(tmp_path)
    assert (found.rows, found.bad_lines) == (1, 4)
    assert [one["file"].startswith(f"labels/{window.day}/") for one in aside] == [True] * 4
    assert all("its key is" in one["reason"] for one in aside)
