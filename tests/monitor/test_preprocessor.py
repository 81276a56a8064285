"""What Model Monitor's analyzer calls reads records as Isthmus' own monitor does, whatever callers send."""

from __future__ import annotations

import base64
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.monitor import preprocessor
from isthmus.monitor.baseline import write_baseline
from isthmus.monitor.capture import Format, batches
from isthmus.names import GATE_PREFIX

FEATURES = {"wind": "number", "a place": "text", "Age": "number"}
MISSING = ["NA"]
TYPES = {"CSV": "text/csv", "JSON": "application/json", "BASE64": "application/jsonlines"}
Handler = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What training leaves of rows with these columns."""
    folder = tmp_path_factory.mktemp("baseline")
    frame = pl.DataFrame({"wind": [1.5], "a place": ["x"], "Age": [2.0], "y": [0]})
    write_baseline(frame, folder, features=list(FEATURES), target="y", missing=MISSING)
    return folder


@pytest.fixture(scope="module")
def handler(left: Path) -> Handler:
    found: Handler = runpy.run_path(str(left / "preprocessor.py"))["preprocess_handler"]
    return found


def record(data: str, encoding: str, identity: str | None = None) -> Any:
    return SimpleNamespace(
        endpoint_input=SimpleNamespace(data=data, encoding=encoding),
        event_metadata=SimpleNamespace(event_id="1", inference_id=identity),
    )


def ours(folder: Path, text: str, encoding: str) -> list[dict[str, Any]]:
    """The rows that Isthmus' own monitor reads of the same request."""
    data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
    asked = {"observedContentType": TYPES[encoding], "encoding": encoding, "data": data}
    for count in range(4):
        answered = {"observedContentType": "text/csv", "encoding": "CSV", "data": "1\n" * count}
        line = {
            "captureData": {"endpointInput": asked, "endpointOutput": answered},
            "eventMetadata": {"eventId": "1"},
        }
        (folder / "a.jsonl").write_text(json.dumps(line) + "\n")
        found = list(batches(folder, Format(FEATURES, MISSING)))
        if any(batch.rows.height for batch in found):
            return [row for batch in found for row in batch.rows.to_dicts()]
    return []


GOOD = [
    ("CSV", "1,north,30\n2.5,,NA\n"),
    ("CSV", "Age,wind,a place\n30,1,north\n"),
    ("CSV", '3,"a, b",true\n'),
    ("JSON", '[{"wind": 1, "a place": "x", "Age": null}]'),
    ("JSON", '{"instances": [[1, "x", 2], [3, "", 4]]}'),
    ("JSON", '{"wind": "7", "a place": 5, "Age": false}'),
    ("BASE64", '{"wind": 1, "a place": "é", "Age": 2}\n{"wind": 2, "a place": null, "Age": 3}\n'),
]


@pytest.mark.parametrize(("encoding", "text"), GOOD)
def test_every_form_of_a_request_is_read(handler: Handler, tmp_path: Path, encoding: str, text: str) -> None:
    data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
    found = handler(record(data, encoding))
    assert found and found == ours(tmp_path, text, encoding)
    # In the order of the baseline's files, should the analyzer go by that.
    assert all(list(row) == sorted(FEATURES) for row in found)


CELLS = st.none() | st.booleans() | st.floats() | st.text(max_size=3)
PARTS = ["1", "x", "", "NA", "nan", "1e400", "wind", "Age", "a place", "\n", '"']
NESTED = st.recursive(
    CELLS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(list(FEATURES)), one),
    max_leaves=8,
)


@given(
    encoding=st.sampled_from(["CSV", "JSON", "BASE64"]),
    text=st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(PARTS), max_size=12).map(",".join),
        NESTED.map(json.dumps),
    ),
)
def test_nothing_that_a_caller_sends_ends_the_job(handler: Handler, encoding: str, text: str) -> None:
    for row in handler(record(text, encoding)):
        assert list(row) == sorted(FEATURES)
        assert all(row[name] is None or isinstance(row[name], float) for name in ("wind", "Age"))


def test_what_gates_ask_is_no_traffic(handler: Handler) -> None:
    assert preprocessor.GATE_PREFIX == GATE_PREFIX
    assert handler(record("1,x,2", "CSV", f"{GATE_PREFIX}1")) == []
    assert len(handler(record("1,x,2", "CSV", "mine"))) == 1
    nameless = SimpleNamespace(endpoint_input=record("1,x,2", "CSV").endpoint_input, event_metadata=object())
    assert len(handler(nameless)) == 1


def test_it_needs_nothing_but_python(left: Path) -> None:
    imported = {
        line.split()[1].partition(".")[0]
        for line in (left / "preprocessor.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= set(sys.stdlib_module_names)


def test_the_baselines_files_have_the_same_order(left: Path) -> None:
    for name in ("statistics.json", "constraints.json"):
        named = [one["name"] for one in json.loads((left / name).read_text())["features"]]
        assert named == sorted(FEATURES)
