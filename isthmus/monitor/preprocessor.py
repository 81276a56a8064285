"""What SageMaker Model Monitor's analyzer calls for each captured record: its rows, flat.

The analyzer reads tables and flat JSON; callers send CSV with or without a header, JSON and JSON Lines.
Training leaves this very file beside the baseline, with the version's features at its end (`written`), so it
needs Python 3.7 and nothing else. Contract: "Preprocessing and Postprocessing" in SageMaker's developer
guide. Of a record that cannot be read nothing is returned: the analyzer has no place for it.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from pathlib import Path
from typing import Any

FILE = "preprocessor.py"
GATE_PREFIX = "isthmus-gate-"
# Of each column, in the model's order, `number` or `text`; and what stands for no value.
FEATURES: dict[str, str] = {}
MISSING: list[str] = []
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, csv.Error)


def written(features: dict[str, str], missing: list[str]) -> str:
    """This file for a model with these features."""
    return Path(__file__).read_text(encoding="utf-8") + f"\nFEATURES = {features!r}\nMISSING = {missing!r}\n"


def preprocess_handler(inference_record: Any) -> list[dict[str, Any]]:
    """The rows of a record, each with its features in the order of their names; of a gate's request none."""
    try:
        if str(getattr(inference_record.event_metadata, "inference_id", "")).startswith(GATE_PREFIX):
            return []
        side = inference_record.endpoint_input
        text: str = side.data
        if side.encoding == "BASE64":
            text = base64.b64decode(text, validate=True).decode("utf-8-sig")
        return [_typed(row) for row in _rows(text.strip())]
    except UNREADABLE:
        return []


def _rows(text: str) -> list[dict[str, Any]]:
    """The cells of each row by column."""
    if text[0] in "{[":
        return [_named(row, list(FEATURES)) if isinstance(row, list) else row for row in _json(text)]
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    header = [cell.strip() for cell in rows[0]]
    if set(header) == set(FEATURES):
        return [_named(row, header) for row in rows[1:]]
    return [_named(row, list(FEATURES)) for row in rows]


def _json(text: str) -> list[Any]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    if isinstance(found, dict):
        found = found.get("instances", found)
    return found if isinstance(found, list) else [found]


def _named(row: list[Any], names: list[str]) -> dict[str, Any]:
    if len(row) != len(names):
        raise ValueError("another number of cells")
    return {name: row[place] for place, name in enumerate(names)}


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    if set(row) != set(FEATURES):
        raise ValueError("other columns")
    return {name: _cell(row[name], FEATURES[name]) for name in sorted(FEATURES)}


def _cell(cell: Any, kind: str) -> Any:
    if cell is None or (isinstance(cell, str) and (not cell.strip() or cell.strip() in MISSING)):
        return None
    if isinstance(cell, (dict, list)):
        raise ValueError("no cell")
    if kind == "text":
        return str(cell)
    truth = {"true": 1.0, "false": 0.0}.get(str(cell).strip().lower())
    number = float(cell) if truth is None else truth
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number
