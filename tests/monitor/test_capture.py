from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.monitor import capture, lines
from isthmus.monitor.baseline import describe
from isthmus.monitor.capture import UNREADABLE, Bad, Format, _exchange, _reason, batches
from isthmus.monitor.labels import join, last, pairs, read_labels
from isthmus.monitor.seen import see
from isthmus.names import GATE_PREFIX
from tests.monitor.captured import label, line, write

FEATURES = {"a": "number", "b": "text"}
FORMAT = Format(FEATURES)
GOOD = line("a,b\n1,x\n", "0.5\n", "good")


class Found:
    """All batches of a folder together."""

    def __init__(self, folder: Path, format: Format = FORMAT) -> None:
        found = list(batches(folder, format))
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


def test_a_folder_that_is_named_as_a_file_is_none(tmp_path: Path) -> None:
    write(tmp_path / "all.jsonl", [line("a,b\n1,x\n", "0.5\n", "one")])
    (tmp_path / "all.parquet").mkdir()
    found = Found(tmp_path)
    assert (found.ids, found.bad) == (["one"], [])


def test_of_a_key_that_stands_twice_the_last_counts_in_any_encoding(tmp_path: Path) -> None:
    for encoding in ("CSV", "BASE64"):
        whole = line("a,b\n1,x\n", "0.5\n", "first", encoding=encoding)
        told = json.loads(line("a,b\n2,y\n", "0.5\n", encoding=encoding))["captureData"]
        named = whole.replace('"inferenceId": ', '"inferenceId": "last", "inferenceId": ')
        twice = whole[:-1] + f', "captureData": {json.dumps(told)}}}'
        write(tmp_path / encoding, [whole, named, twice])
        found = Found(tmp_path / encoding)
        assert found.rows == [[1.0, "x"], [1.0, "x"], [2.0, "y"]], encoding
        assert found.ids == ["first"] * 3


@pytest.mark.parametrize("metadata", [{"eventId": None}, {"eventId": ""}, {"inferenceId": None}, {}])
def test_an_exchange_without_an_id_is_set_aside(tmp_path: Path, metadata: dict[str, Any]) -> None:
    nameless = json.loads(line("a,b\n1,x\n", "0.5\n")) | {"eventMetadata": metadata}
    write(tmp_path, [json.dumps(nameless), GOOD, json.dumps(nameless)])
    found = Found(tmp_path)
    assert (found.ids, [one.line for one in found.bad]) == (["good"], [1, 3])
    assert all("event" in one.reason for one in found.bad)


def test_a_label_without_an_id_is_set_aside(tmp_path: Path) -> None:
    nameless = json.loads(label("i", 1)) | {"eventMetadata": {"eventId": None}}
    write(tmp_path, [label("good", 1), json.dumps(nameless)])
    labels = read_labels(tmp_path)
    assert (labels.by_id, labels.bad_lines) == ({"good": "1"}, 1)


def test_windows_ends_of_lines_are_ends_of_lines(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_bytes(f"{GOOD}\r\n\r\n{{cut\r\n{GOOD}".encode())
    found = Found(tmp_path)
    assert (found.ids, [(one.line, one.content) for one in found.bad]) == (["good"] * 2, [(3, "{cut")])


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


def test_a_row_in_parquet_without_an_id_is_counted_and_neither_judged_nor_explained(tmp_path: Path) -> None:
    table = {"a": [1.0, 2.0], "b": ["x", "y"], "prediction": [0.25, 0.75], "inference_id": ["i", None]}
    (tmp_path / "c").mkdir()
    pl.DataFrame(table).write_parquet(tmp_path / "c" / "rows.parquet")
    write(tmp_path / "l", [label("i", 1), label("None", 1)])
    baseline = {"a": describe(pl.Series([1.0])), "b": describe(pl.Series(["x"]))}
    seen = see(batches(tmp_path / "c", FORMAT), baseline, "prediction", read_labels(tmp_path / "l"), 5)
    assert (seen.sketch.rows, list(seen.sample.values())) == (2, [(1.0, "x")])
    assert list(pairs(seen.judged)) == [("1", "0.25")]


def test_a_parquet_file_that_is_cut_in_half_or_lacks_a_column_is_set_aside(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"a": [1.0], "b": ["x"]}).write_parquet(whole)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "narrow.parquet")
    found = Found(tmp_path)
    assert found.rows == [[1.0, "x"]]
    assert [(one.file, one.line) for one in found.bad] == [("cut.parquet", 0), ("narrow.parquet", 0)]


def test_batches_are_bounded_and_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 4_000)
    write(tmp_path, [line(f"a,b\n{row},x\n", "0.5\n", f"i{row}") for row in range(95)])
    found = list(batches(tmp_path, Format(FEATURES)))
    assert len(found) > 5 and max(one.rows.height for one in found) < 20
    assert [identity for one in found for identity in one.ids] == [f"i{row}" for row in range(95)]


def test_the_latest_label_counts_and_those_that_differ_are_named(tmp_path: Path) -> None:
    write(tmp_path, [label("one", 0), label("two", 1), "{", "[]", '{"eventMetadata": {}}'])
    write(tmp_path, [label("one", 1), label("two", 1)], "2026/11/22/00/later.jsonl")
    found = read_labels(tmp_path)
    assert found.by_id == {"one": "1", "two": "1"}
    assert found.twice == {"one": ["0", "1"]}
    assert [one.line for one in found.bad] == [3, 4, 5]
    assert isinstance(found.bad[0], Bad)


def test_of_more_labels_than_are_judged_those_with_the_least_hashes_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever came first, late labels and ids seen twice count as they do among all."""
    monkeypatch.setattr(lines, "AT_ONCE", 700)
    told = [label(f"i{number}", number) for number in range(100)]
    late = [label(f"i{number}", -number) for number in range(0, 100, 2)]
    write(tmp_path / "one", [*told, *late, "7"])
    write(tmp_path / "other", [*told[::-1], "7", *late[::-1]])
    whole = read_labels(tmp_path / "one")
    one, other = (read_labels(tmp_path / name, 10) for name in ("one", "other"))
    assert (len(whole.by_id), len(one.by_id), one.bad_lines) == (100, 10, 1)
    assert one.by_id == other.by_id and one.by_id.items() <= whole.by_id.items()
    assert one.twice == other.twice == {key: whole.twice[key] for key in one.by_id if key in whole.twice}


def test_of_a_long_line_that_is_set_aside_the_beginning_is_kept_and_what_is_not_is_said(
    tmp_path: Path,
) -> None:
    """A thousand of them are kept, and an endpoint captures whatever of 6 MB it was asked."""
    long = "{" + "é" * 1_000_000
    write(tmp_path, [long, line(f"a,{'b' * 100_000},{'b' * 100_000}\n1,x,y\n", "0.5\n")])
    for one in [*Found(tmp_path).bad, *read_labels(tmp_path).bad]:
        assert len(one.content) + len(one.reason) < 11_000 and one.content.endswith(" characters more")
    assert Found(tmp_path).bad[0].content == f"{long[:10_000]} … and 990001 characters more"


@pytest.mark.parametrize("value", [1, 1.0, True, None, "1 ", 1e300, [1]])
def test_a_label_that_is_no_text_is_read_as_python_writes_it(tmp_path: Path, value: object) -> None:
    bare = json.loads(label("i", ""))
    bare["groundTruthData"]["data"] = value
    write(tmp_path, [json.dumps(bare)])
    assert read_labels(tmp_path).by_id == {"i": str(value).strip()}


def test_of_two_answers_under_one_id_the_last_counts(tmp_path: Path) -> None:
    write(tmp_path / "c", [line("a,b\n1,x\n", "0.1\n", "i"), line("a,b\n2,y\n", "0.9\n", "i")])
    write(tmp_path / "l", [label("i", 1), label("nobody", 1)])
    labels = read_labels(tmp_path / "l")
    judged = last([join(batch, labels) for batch in batches(tmp_path / "c", Format(FEATURES))])
    assert judged.rows() == [("i", "1", "0.9", {"a": 2.0, "b": "y"})]
    assert list(pairs(judged)) == [("1", "0.9")]


DEEP = '{"a": ' + "[" * 100_000
HOSTILE = {
    "a nested line": "[" * 200_000,
    "a nested request": line(DEEP, "1", "x", content_type="application/json"),
    "a nested request in base64": line(DEEP, "1", "x", content_type="application/json", encoding="BASE64"),
    "a nested answer": line("1,x", '{"predictions": ' + "[" * 100_000, "x", accept="application/json"),
    "a nested cell": line(
        json.dumps({"a": 1, "b": 0}).replace("0", "[" * 900 + "]" * 900), "[]", "x", accept="application/json"
    ),
    "beyond numbers": line('[{"a": 1e400, "b": "x"}]', "1", "x", content_type="application/json"),
    "a number of 400 digits": line(
        f'[{{"a": 1{"0" * 400}, "b": "x"}}]', "1", "x", content_type="application/json"
    ),
    "a number of 5000 digits": line(
        f'[{{"a": {"9" * 5000}, "b": "x"}}]', "1", "x", content_type="application/json"
    ),
    "an answer of 5000 digits": line(
        "1,x", f'{{"predictions": [{"9" * 5000}]}}', "x", accept="application/json"
    ),
    "half a pair in a cell": line(
        '[{"a": 1, "b": "\\ud800"}]', "1", "x", content_type="application/json", encoding="BASE64"
    ),
    "half a pair in an answer": line("1,x", '{"predictions": ["\\udfff"]}', "x", accept="application/json"),
    "half a pair in an id": line("1,x", "1", "\ud800"),
    "a null byte": "\x00",
    "a quote that stays open": line('1,"x\n2,y', "1", "x"),
    "an object in a cell": line('[{"a": 1, "b": {"c": 1}}]', "1", "x", content_type="application/json"),
    "a quote that stays open in an answer": line("1,x", '"1', "x"),
    "an answer that is too long": line("1,x", "1" * 140_000, "x", encoding="BASE64"),
    "a list in a cell": line('[[1, ["x"]]]', "1", "x", content_type="application/json"),
}


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE)
def test_a_line_that_was_thought_out_is_set_aside_and_takes_no_other_with_it(
    tmp_path: Path, bad: str
) -> None:
    write(tmp_path, [GOOD, bad, GOOD])
    found = Found(tmp_path)
    assert (found.rows, found.ids) == ([[1.0, "x"]] * 2, ["good"] * 2)
    (one,) = found.bad
    assert one.line == 2 and one.reason


@pytest.mark.parametrize("bad", ["[" * 200_000, label("x", 1).replace('"x"', '"\\ud800"'), "\x00", "7"])
def test_a_label_that_was_thought_out_is_set_aside(tmp_path: Path, bad: str) -> None:
    write(tmp_path, [label("good", 1), bad])
    labels = read_labels(tmp_path)
    assert (labels.by_id, len(labels.bad)) == ({"good": "1"}, 1)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)


@given(request=ANYTHING, answer=ANYTHING, identity=ANYTHING, raw=st.text(max_size=40))
@settings(max_examples=150)
def test_whatever_was_captured_every_line_is_a_row_or_set_aside(
    tmp_path: Path, request: Any, answer: Any, identity: Any, raw: str
) -> None:
    asked = json.dumps([{"a": request, "b": answer}])
    hostile = line(asked, json.dumps({"predictions": [answer]}), "x", content_type="application/json")
    named = json.loads(hostile) | {"eventMetadata": {"inferenceId": identity, "eventId": request}}
    cut = " ".join(raw.split())
    write(tmp_path, [hostile, json.dumps(named), json.dumps(request), f"x{cut}", GOOD])
    found = Found(tmp_path)
    assert "good" in found.ids and found.rows[found.ids.index("good")] == [1.0, "x"]
    assert len(found.rows) + len(found.bad) == 5


CELLS = (
    "1|-2.5| 3|+4|.5|6.|1e5|-0|| |?|-9| -9|true|FALSE|nan|inf|1e400|1_0|0x1|e5|1 2|1e-400|x|\u0663|\u00a07"
)
NUMBERS = st.sampled_from([*CELLS.split("|"), "9" * 400])
TEXTS = 'x| y ||?|b|A|caf\u00e9|"q"|"c,d"|1|-9|\u212a|\ufeff|\t'
WORDS = st.sampled_from(TEXTS.split("|"))
ROWS = st.lists(
    st.tuples(NUMBERS, WORDS).map(",".join) | st.sampled_from(["", "1", "1,x,2", "1,x\r", '"']), max_size=4
)
HEADS = st.sampled_from(["a,b", "b,a", " a ,b", "A,b", "a,a", "a,c", "b", ""])
ENDS = st.sampled_from(["", "\n", "\n\n"])
TOLD = st.lists(st.sampled_from(["0.5", " 1", "x,y", '"x,y"', "", "caf\u00e9"]), max_size=4).map("\n".join)


@given(st.lists(st.tuples(HEADS, ROWS, ENDS, TOLD), min_size=1, max_size=6))
@settings(max_examples=400)
def test_csv_comes_to_the_same_read_by_the_column_or_alone(
    tmp_path: Path, asked: list[tuple[str, list[str], str, str]]
) -> None:
    texts = [("\n".join([*([head] if head else []), *rows]) + end, told) for head, rows, end, told in asked]
    for encoding in ("CSV", "BASE64"):
        told = [line(*one, f"i{place}", encoding=encoding) for place, one in enumerate(texts)]
        assert by_the_column(tmp_path, told) == one_by_one(told)


def by_the_column(folder: Path, told: list[str]) -> list[Any]:
    """What is read of lines that are captured together."""
    write(folder, told)
    found = Found(folder, MARKED)
    return [repr(found.rows), found.predictions, found.ids, [(bad.line, bad.reason) for bad in found.bad]]


def one_by_one(told: list[str]) -> list[Any]:
    """What `payload` reads of each alone."""
    rows, predictions, ids, bad = [], [], [], []
    for number, one in enumerate(told, 1):
        try:
            asked, answered, identity = _exchange(one, MARKED)
        except UNREADABLE as error:
            bad.append((number, _reason(error)))
            continue
        rows += [tuple(row) for row in asked]
        predictions += answered
        ids += [identity] if len(asked) == 1 else [f"{identity}/{place}" for place in range(len(asked))]
    return [repr([list(row) for row in MARKED.frame(rows).rows()]), predictions, ids, bad]


MARKED = Format(FEATURES, ["?", "-9"])
CELL = st.sampled_from(
    [1, -2.5, 0, -0.0, 1e5, -9, 10**30, 1 << 63, True, None, "1", "-9", "?", "", " y ", "x"]
)
CELL |= st.sampled_from(["caf\u00e9", "\u2028", '"', [], {}, float("nan")]) | st.floats() | st.integers()
ROW = st.fixed_dictionaries({}, optional={"a": CELL, "b": CELL, "c": CELL}) | st.lists(CELL, max_size=3)
GIVEN = st.tuples(st.integers(-9, 9) | st.floats(-9, 9), st.sampled_from(["x", "", "?", " y"]))
ROW |= GIVEN.map(list) | GIVEN.map(lambda one: {"b": one[1], "a": one[0]})
SOME = st.lists(ROW, max_size=3)
BODIES = st.sampled_from([lambda rows: rows, lambda rows: {"instances": rows, "instance": 1}])
BODY = st.builds(lambda made, rows: json.dumps(made(rows)), BODIES, SOME) | ROW.map(json.dumps)
BODY |= SOME.map(lambda rows: "\n".join(map(json.dumps, rows))) | st.sampled_from(
    ["", "[", "7", "\ufeff[[1, 2]]"]
)
BODY |= ROW.map(lambda row: json.dumps({"instances": row}))
KINDS = st.sampled_from(
    ["application/json", "application/jsonlines", "Application/JSON; charset=utf-8", "json"]
)
ANSWER = st.lists(st.floats() | st.integers() | st.text(max_size=3) | st.booleans() | st.none(), max_size=3)
ANSWERED = ANSWER.map(lambda told: json.dumps({"predictions": told})) | st.just("[]")


@given(
    st.lists(st.tuples(BODY, KINDS, ANSWERED, st.sampled_from(["JSON", "BASE64"])), min_size=1, max_size=6)
)
@settings(max_examples=400)
def test_json_comes_to_the_same_read_by_the_column_or_alone(
    tmp_path: Path, asked: list[tuple[str, str, str, str]]
) -> None:
    told = [
        line(body, answer, f"i{place}", content_type=kind, accept="application/json", encoding=encoding)
        for place, (body, kind, answer, encoding) in enumerate(asked)
    ]
    told.append(line("1,x\n", "0.5\n", "csv"))
    assert by_the_column(tmp_path, told) == one_by_one(told)


@pytest.mark.parametrize("content_type", ["text/csv", "application/json", "application/jsonlines"])
@pytest.mark.parametrize("encoding", ["CSV", "BASE64"])
def test_what_is_usual_is_read_by_the_column(
    tmp_path: Path, content_type: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(capture, "_exchange")
    body = {"text/csv": "a,b\n1,x\n,\n"}.get(content_type, '{"a": 1, "b": "x"}\n{"a": null, "b": " "}\n')
    if content_type == "application/json":
        body = f"[{','.join(body.splitlines())}]"
    told = {"content_type": content_type, "accept": content_type, "encoding": encoding}
    answer = "0.5\n0.75\n" if content_type == "text/csv" else '{"predictions": [0.5, 0.75]}'
    write(tmp_path, [line(body, answer, "i", **told)])
    found = Found(tmp_path)
    assert (found.rows, found.bad) == ([[1.0, "x"], [None, None]], [])
    assert (found.predictions, found.ids) == (["0.5", "0.75"], ["i/0", "i/1"])
