"""What is read of many lines at once is what Python's json reads of each, or nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isthmus.monitor import lines
from tests.monitor.captured import write


class Inner(msgspec.Struct):
    c: str | None = None
    d: str | None = None


class Record(msgspec.Struct):
    b: Inner
    a: str | None = None


DECODER = msgspec.json.Decoder(Record)
Texts = tuple[str | None, ...]


def read(folder: Path, told: list[str]) -> dict[int, Texts]:
    """The texts of each line that was read, by its number; every other line is among the others."""
    write(folder, told)
    found = {}
    for block in lines.blocks(folder):
        places, records = block.read(DECODER)
        for place, one in zip(places, records, strict=True):
            found[block.where(place)[1]] = (one.a, one.b.c, one.b.d)
        others = {block.where(place)[1]: text for place, text in block.others(places)}
        blank = {number for number, text in enumerate(told, 1) if not text.strip()}
        assert blank | others.keys() | found.keys() == set(range(1, len(told) + 1))
        assert all(text == told[number - 1].rstrip("\r") for number, text in others.items())
    return found


def alone(line: str) -> Texts:
    record = json.loads(line)
    return record.get("a"), record["b"].get("c"), record["b"].get("d")


TEXTS = st.sampled_from(
    ["", "x", "1", '"', "\\", '\\"', "\\n", "\n", "\t", "\x01", "caf\u00e9", "\U0001f600", '", "a": "', "}"]
) | st.text(max_size=6)
RECORDS = st.fixed_dictionaries(
    {"b": st.fixed_dictionaries({"c": TEXTS, "other": TEXTS}, optional={"d": TEXTS | st.none()})},
    optional={"a": TEXTS | st.none() | st.integers(), "z": st.integers() | TEXTS},
)
# Raw pieces that make of a line one that is no JSON, or another.
BROKEN = ["", '"', "\\", "\\n", '\\"', "\x01", "\t", "\r", '""', '""{"a": "x"}', ",", ':"', '"a": "x", ', "}"]
BROKEN += [" ", '", "', "\\q", "\\ud800"]


@given(
    st.lists(
        st.tuples(RECORDS, st.booleans(), st.sampled_from(BROKEN), st.integers(0, 60)), min_size=1, max_size=9
    )
)
@example([({"b": {"c": "x", "other": ""}}, True, '"', 60)])
@settings(max_examples=100)
def test_lines_are_read_as_json_reads_them_or_not_at_all(told: list[tuple[Any, bool, str, int]]) -> None:
    made = []
    for record, ascii, broken, at in told:
        line = json.dumps(record, ensure_ascii=ascii)
        made.append((line[:at] + broken + line[at:]).replace("\n", " "))
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), made)
    for number, texts in found.items():
        assert texts == alone(made[number - 1]), made[number - 1]


GOOD = '{"b": {"c": "x"}}'


@pytest.mark.parametrize("odd", [
    [f"{GOOD} {GOOD}", '{"b":', '{"c": "x"}}'],
    ['{"b": {}', "}", f"{GOOD}{GOOD}"], [f"[{GOOD}]"], [f"{GOOD},"],
    ["{}"], [""], ["", f"{GOOD}x"], ["\r"], ['{"b": {"c": "x"}, "a": NaN}'], ["[" * 100_000],
])  # fmt: skip
def test_what_is_no_record_is_left_and_takes_no_other_with_it(tmp_path: Path, odd: list[str]) -> None:
    """Two on a line are none, even where another takes two lines, so that there are as many as lines."""
    assert read(tmp_path, [GOOD, *odd, GOOD]) == dict.fromkeys((1, len(odd) + 2), (None, "x", None))


def test_a_file_that_is_cut_off_ends_there_and_the_next_has_its_own_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"{GOOD}\n{GOOD}\n{{cut")
    (tmp_path / "b.jsonl").write_bytes(f"{GOOD}\n\xff\n".encode("latin-1"))
    (block,) = lines.blocks(tmp_path)
    places, _ = block.read(DECODER)
    assert [block.where(place) for place in places] == [("a.jsonl", 1), ("a.jsonl", 2), ("b.jsonl", 1)]
    others = [(block.where(place), text) for place, text in block.others(places)]
    assert others == [(("a.jsonl", 3), "{cut"), (("b.jsonl", 2), "\ufffd")]


def test_a_file_read_in_pieces_has_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 50)
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{number}\n" for number in range(90)))
    found = list(lines.blocks(tmp_path))
    told = [(*block.where(place), text) for block in found for place, text in block.others([])]
    assert len(found) > 4
    assert told == [(f"{name}.jsonl", number + 1, str(number)) for name in ("a", "b") for number in range(90)]
