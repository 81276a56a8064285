from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.monitor.capture import read_captures, read_labels
from isthmus.names import GATE_PREFIX
from tests.monitor.captured import label, line, write

FEATURES = {"a": "number", "b": "text"}


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
    found = read_captures(tmp_path, FEATURES)
    assert found.rows[0] == [1.0, "x"] and found.rows[3] == [4.0, "z"]
    assert found.rows[2][0] == 3.0 and is_missing(found.rows[2][1])
    assert found.predictions == ["0.5", "0.25", "0.75", "1.0"]
    assert found.ids == ["one", "two/0", "two/1", "event"]
    assert found.bad_lines == 0


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_json_and_base64_are_read_as_well(tmp_path: Path, encoding: str) -> None:
    body = '{"instances": [{"a": 1, "b": "x"}]}'
    kinds = {"content_type": "application/json", "accept": "application/json"}
    write(tmp_path, [line(body, '{"predictions": ["light, blue"]}', "one", encoding=encoding, **kinds)])
    found = read_captures(tmp_path, FEATURES)
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
    found = read_captures(tmp_path, FEATURES)
    assert (found.ids, found.bad_lines) == (["good"], len(bad) + 1)


def test_what_gates_asked_is_no_traffic(tmp_path: Path) -> None:
    spaced = line("a,b\n1,x\n", "0.5\n", f"{GATE_PREFIX}7")
    write(tmp_path, [spaced, spaced.replace('": "', '":"'), line("a,b\n2,y\n", "0.5\n", "client")])
    found = read_captures(tmp_path, FEATURES)
    assert (found.ids, found.bad_lines) == (["client"], 0)


def test_no_folder_is_no_capture(tmp_path: Path) -> None:
    assert read_captures(tmp_path / "none", FEATURES).rows == []


def test_the_latest_label_counts_and_broken_ones_do_not(tmp_path: Path) -> None:
    write(tmp_path, [label("one", 0), label("two", 1), "{", "[]", '{"eventMetadata": {}}'])
    write(tmp_path, [label("one", 1)], "2026/11/22/00/later.jsonl")
    assert read_labels(tmp_path) == {"one": "1", "two": "1"}
