from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from isthmus.monitor import capture
from isthmus.monitor.capture import Bad, Format, batches
from isthmus.monitor.labels import Judged, join, pairs, read_labels
from isthmus.names import GATE_PREFIX
from tests.monitor.captured import label, line, write

FEATURES = {"a": "number", "b": "text"}


class Found:
    """All batches of a folder together."""

    def __init__(self, folder: Path) -> None:
        found = list(batches(folder, Format(FEATURES)))
        self.rows = [list(row) for one in found for row in one.rows.rows()]
        self.predictions = [told for one in found for told in one.predictions]
        self.ids = [identity for one in found for identity in one.ids]
        self.bad = [bad for one in found for bad in one.bad]


def is_missing(value: object) -> bool:
    return value is None or value != value


def test_each_row_is_read_with_its_answer_and_its_id(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            line("a,b\n1,x\n", "0.5\n", "one"),
            line("b,a\ny,2\n,3\n", "0.25\n0.75\n", "two"),
            line("4,z\n", "1.0\n", event_id="event"),
        ],
    )
    found = Found(tmp_path)
    assert found.rows[0] == [1.0, "x"] and found.rows[3] == [4.0, "z"]
    assert found.rows[2][0] == 3.0 and is_missing(found.rows[2][1])
    assert found.predictions == ["0.5", "0.25", "0.75", "1.0"]
    assert found.ids == ["one", "two/0", "two/1", "event"]
    assert found.bad == []


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_json_and_base64_are_read_as_well(tmp_path: Path, encoding: str) -> None:
    body = '{"instances": [{"a": 1, "b": "x"}]}'
    kinds = {"content_type": "application/json", "accept": "application/json"}
    write(tmp_path, [line(body, '{"predictions": ["light, blue"]}', "one", encoding=encoding, **kinds)])
    found = Found(tmp_path)
    assert (found.rows, found.predictions) == ([[1.0, "x"]], ["light, blue"])


def test_bad_lines_are_set_aside_and_counted(tmp_path: Path) -> None:
    good = line("a,b\n1,x\n", "0.5\n", "good")
    bad = [
        "{cut off",
        "[]",
        "17",
        "{}",
        '{"captureData": null, "eventMetadata": {}}',
        line("a,c\n1,x\n", "0.5\n"),
        line("a,b\nmany,x\n", "0.5\n"),
        line("a,b\n1,x\n", "0.5\n0.6\n"),
        line("a,b\n1,x\n", "no column b", accept="application/json"),
        line("!", "0.5", encoding="BASE64").replace("IQ==", "?"),
    ]
    write(tmp_path, [*bad[:5], good, "", *bad[5:]])
    (tmp_path / "2026" / "bytes.jsonl").write_bytes(b"\xff\xfe\x00\n")
    found = Found(tmp_path)
    assert (found.ids, len(found.bad)) == (["good"], len(bad) + 1)


def test_what_gates_asked_is_no_traffic(tmp_path: Path) -> None:
    spaced = line("a,b\n1,x\n", "0.5\n", f"{GATE_PREFIX}7")
    write(tmp_path, [spaced, spaced.replace('": "', '":"'), line("a,b\n2,y\n", "0.5\n", "client")])
    found = Found(tmp_path)
    assert (found.ids, found.bad) == (["client"], [])


def test_no_folder_is_no_capture(tmp_path: Path) -> None:
    assert Found(tmp_path / "none").rows == []


def test_what_is_set_aside_says_where_and_why(tmp_path: Path) -> None:
    write(tmp_path, [line("a,b\n1,x\n", "0.5\n", "one"), line("a,c\n1,x\n", "0.5\n")], "2026/a.jsonl")
    whole = line("a,b\n2,x\n", "0.5\n", "two")
    (tmp_path / "2026" / "cut.jsonl").write_text(f"{whole}\n{whole[:80]}")
    found = Found(tmp_path)
    assert found.ids == ["one", "two"]
    wrong, cut = found.bad
    assert (wrong.file, wrong.line) == ("2026/a.jsonl", 2) and "missing column 'b'" in wrong.reason
    assert (cut.file, cut.line, cut.content) == ("2026/cut.jsonl", 2, whole[:80])
    assert cut.reason.startswith("not JSON")


def test_rows_in_parquet_are_read_as_well(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"b": ["x", None], "a": [1.5, float("nan")], "prediction": [0.25, 0.75], "inference_id": ["i", "j"]}
    )
    (tmp_path / "2026").mkdir()
    table.write_parquet(tmp_path / "2026" / "rows.parquet")
    found = Found(tmp_path)
    assert found.rows[0] == [1.5, "x"] and len(found.rows) == 2
    assert (found.predictions, found.ids) == (["0.25", "0.75"], ["i", "j"])


def test_a_parquet_file_that_is_cut_in_half_or_lacks_a_column_is_set_aside(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"a": [1.0], "b": ["x"]}).write_parquet(whole)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "narrow.parquet")
    found = Found(tmp_path)
    assert found.rows == [[1.0, "x"]]
    assert [(one.file, one.line) for one in found.bad] == [("cut.parquet", 0), ("narrow.parquet", 0)]


def test_batches_are_bounded_and_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "AT_ONCE", 10)
    write(tmp_path, [line(f"a,b\n{row},x\n", "0.5\n", f"i{row}") for row in range(95)])
    found = list(batches(tmp_path, Format(FEATURES)))
    assert len(found) == 10 and max(one.rows.height for one in found) == 10
    assert [identity for one in found for identity in one.ids] == [f"i{row}" for row in range(95)]


def test_the_latest_label_counts_and_those_that_differ_are_named(tmp_path: Path) -> None:
    write(tmp_path, [label("one", 0), label("two", 1), "{", "[]", '{"eventMetadata": {}}'])
    write(tmp_path, [label("one", 1), label("two", 1)], "2026/11/22/00/later.jsonl")
    found = read_labels(tmp_path)
    assert found.by_id == {"one": "1", "two": "1"}
    assert (found.twice, found.repeated) == ({"one": ["0", "1"]}, 2)
    assert [one.line for one in found.bad] == [3, 4, 5]
    assert isinstance(found.bad[0], Bad)


def test_of_two_answers_under_one_id_the_last_counts(tmp_path: Path) -> None:
    write(tmp_path / "c", [line("a,b\n1,x\n", "0.1\n", "i"), line("a,b\n2,y\n", "0.9\n", "i")])
    write(tmp_path / "l", [label("i", 1), label("nobody", 1)])
    judged: dict[str, Judged] = {}
    for batch in batches(tmp_path / "c", Format(FEATURES)):
        join(batch, read_labels(tmp_path / "l"), judged)
    assert judged == {"i": Judged("1", "0.9", (2.0, "y"))}
    assert list(pairs(judged)) == [("1", "0.9")]
