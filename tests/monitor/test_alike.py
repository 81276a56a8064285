"""What is read of lines by the column is what Python's json reads of each, or nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isthmus.monitor import alike, lines
from tests.monitor.captured import write

WANTED = {"a": ("a",), "b": ("b", "c"), "d": ("b", "d")}


def read(folder: Path, told: list[str]) -> dict[int, tuple[Any, ...]]:
    """The texts of each line that was read, by its number."""
    write(folder, told)
    found = {}
    for block in lines.blocks(folder):
        for place, *texts, _ in alike.texts(block, WANTED).iter_rows():
            found[block.where(place)[1]] = tuple(texts)
    return found


def alone(line: str) -> tuple[Any, ...]:
    record = json.loads(line)
    inner = record.get("b") or {}
    return record.get("a"), inner.get("c"), inner.get("d")


TEXTS = st.sampled_from(
    [
        "",
        "x",
        "1",
        ":",
        "a",
        '"',
        "\\",
        '\\"',
        "\\n",
        "\n",
        "\t",
        "\x01",
        "caf\u00e9",
        "\U0001f600",
        '", "a": "',
        "}",
    ]
) | st.text(max_size=6)
RECORDS = st.fixed_dictionaries(
    {"b": st.fixed_dictionaries({"c": TEXTS, "other": TEXTS}, optional={"d": TEXTS | st.none()})},
    optional={"a": TEXTS | st.none() | st.integers(), "z": st.integers() | TEXTS},
)
# Raw pieces that make of a line one that is no JSON, or another.
BROKEN = [
    "",
    '"',
    "\\",
    "\\n",
    '\\"',
    "\x01",
    "\t",
    "\r",
    '""',
    '""{"a": "x"}',
    ",",
    ':"',
    '"a": "x", ',
    "}",
    " ",
    '", "',
    "\\q",
    "\\ud800",
]


@given(
    st.lists(
        st.tuples(RECORDS, st.booleans(), st.sampled_from(BROKEN), st.integers(0, 60)), min_size=1, max_size=9
    )
)
@example([({"b": {"c": "x", "other": ""}}, True, '"', 60)])
@settings(max_examples=60)
def test_lines_are_read_as_json_reads_them_or_not_at_all(told: list[tuple[Any, bool, str, int]]) -> None:
    made = []
    for record, ascii, broken, at in told:
        line = json.dumps(record, ensure_ascii=ascii)
        made.append((line[:at] + broken + line[at:]).replace("\n", " "))
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), made)
    for number, texts in found.items():
        assert texts == alone(made[number - 1]), made[number - 1]


@pytest.mark.parametrize("odd", [
    '{"a": "x\r"}', '{"a\r": "x"}', '{"a": "x"}""', '{"a": "x"}""x', '{"a": "x"}""""x',
    '{"a": "x"}""{"a": "y"}',
])  # fmt: skip
def test_what_only_looks_like_the_others_is_not_read(tmp_path: Path, odd: str) -> None:
    """The form is that of the line in the middle; one with fewer quotes makes up for one with more."""
    good = '{"a": "x"}'
    assert read(tmp_path, [odd, "{}", good, good, good]) == dict.fromkeys((3, 4, 5), ("x", None, None))


@pytest.mark.parametrize("ascii", [True, False])
def test_lines_of_a_few_forms_are_all_read(tmp_path: Path, ascii: bool) -> None:
    records = [
        {"a": f"\u00e9{number}", "b": {"c": f'"{number}\\n"\n'} | ({"d": "x"} if number % 3 else {})}
        for number in range(90)
    ]
    told = [json.dumps(one, ensure_ascii=ascii) for one in records]
    told.insert(45, "{cut")
    found = read(tmp_path, told)
    assert len(found) == 90 and 46 not in found
    assert all(texts == alone(told[number - 1]) for number, texts in found.items())


def test_a_key_that_stands_twice_is_not_for_the_column(tmp_path: Path) -> None:
    assert read(tmp_path, ['{"a": "x"}', '{"a": "y", "a": "z"}', '{"a": "w"}']) == {
        1: ("x", None, None),
        3: ("w", None, None),
    }
