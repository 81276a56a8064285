"""The values of expressions, and how Azure Pipelines converts one kind into another.

Null, boolean, number, string, version, date, and sequences and mappings (YAML nodes, or Python's for the
contexts that the engine itself makes).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, Sequence


class Conversion(ValueError):
    """A value cannot become the kind that is needed, or is not there."""


class Declared(dict[str, Any]):
    """The values of typed parameters: to ask for one that is not declared is an error."""


@dataclass(frozen=True, order=True)
class Version:
    """Two to four numbers between dots."""

    parts: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


Value: TypeAlias = (
    bool | float | str | Version | datetime | Sequence | Mapping | list[Any] | dict[str, Any] | None
)

MAX_TEXT = 1_000_000

_NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)")
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){1,3}")


def kind(value: Value) -> str:
    """What people call it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, (int, float)):
        return "Number"
    if isinstance(value, (list, Sequence)):
        return "Array"
    return {str: "String", Version: "Version", datetime: "DateTime"}.get(type(value), "Object")


def bounded(length: int) -> None:
    """Raise `Conversion` for a text longer than any that a pipeline needs: texts that double grow fast."""
    if length > MAX_TEXT:
        raise Conversion(f"the text would have more than {MAX_TEXT:,} characters")


def to_count(text: str) -> int | None:
    """A whole number of few digits that people wrote, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def to_boolean(value: Value) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value != 0
    return value != "" if isinstance(value, str) else True


def to_string(value: Value) -> str:
    """Raises `Conversion` for sequences and mappings."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (int, float)):
        return _number_text(float(value))
    if isinstance(value, datetime):
        return value.strftime("%m/%d/%Y %H:%M:%S +00:00")
    if isinstance(value, (str, Version)):
        return str(value)
    raise Conversion(f"cannot convert from {kind(value)} to String")


def to_number(value: Value) -> float:
    if value is None or value == "":
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value.replace(",", ""))
    raise Conversion(f"cannot convert {_shown(value)} to Number")


def to_version(value: Value) -> Version:
    if isinstance(value, Version):
        return value
    if isinstance(value, float) and not isinstance(value, bool) and value > 0 and value % 1:
        value = _number_text(value)
    if isinstance(value, str) and _VERSION.fullmatch(value.strip()):
        return Version(tuple(int(part) for part in value.strip().split(".")))
    raise Conversion(f"cannot convert {_shown(value)} to Version")


def convert_like(value: Value, model: Value) -> Value:
    """`value` as the kind of `model`; raises `Conversion` when it cannot be."""
    if model is None:
        if value is None or value == "":
            return None
        raise Conversion(f"cannot convert {_shown(value)} to Null")
    if isinstance(model, bool):
        return to_boolean(value)
    if isinstance(model, (int, float)):
        return to_number(value)
    if isinstance(model, str):
        return to_string(value)
    if isinstance(model, Version):
        return to_version(value)
    raise Conversion(f"cannot compare with {kind(model)}")


def equal(left: Value, right: Value) -> bool:
    """Equality as `eq` knows it: the right side takes the left's kind; text ignores case."""
    if kind(left) in ("Array", "Object", "DateTime"):
        return left is right or (kind(left) == kind(right) and left == right)
    try:
        other = convert_like(right, left)
    except Conversion:
        return False
    if isinstance(left, str) and isinstance(other, str):
        return left.lower() == other.lower()
    return left == other


def ordered(left: Value, right: Value) -> int:
    """Negative, zero or positive; raises `Conversion` where there is no order."""
    other: Any = convert_like(right, left)
    mine: Any = left
    if isinstance(mine, str):
        mine, other = mine.upper(), other.upper()
    if mine is None:
        raise Conversion("Null has no order")
    return int(mine > other) - int(mine < other)


def items(value: Value) -> list[Value] | None:
    """The items of a sequence, or None if it is none."""
    if isinstance(value, list):
        return value
    if isinstance(value, Sequence):
        return [of_node(item) for item in value.items]
    return None


def entries(value: Value) -> Iterator[tuple[str, Value]] | None:
    """The pairs of a mapping, or None if it is none."""
    if isinstance(value, dict):
        return iter(value.items())
    if isinstance(value, Mapping):
        return ((key.text, of_node(item)) for key, item in value.entries)
    return None


def index(value: Value, key: Value) -> Value:
    """`value[key]` and `value.key`; Null where there is nothing."""
    if isinstance(value, Mapping):
        found = value.get(to_string(key))
        return None if found is None else of_node(found)
    if isinstance(value, dict):
        return _lookup(value, to_string(key))
    sequence = items(value)
    if sequence is None or not isinstance(key, (int, float, str)) or isinstance(key, bool):
        return None
    try:
        position = to_number(key)
    except Conversion:
        return None
    within = position >= 0 and position % 1 == 0 and position < len(sequence)
    return sequence[int(position)] if within else None


def of_node(node: Node) -> Value:
    return node.text if isinstance(node, Scalar) else node


def to_node(value: Value, at: Place) -> Node:
    """The YAML that a value becomes where an expression stands for it."""
    if isinstance(value, (Sequence, Mapping)):
        return value
    if isinstance(value, list):
        return Sequence(tuple(to_node(item, at) for item in value), at)
    if isinstance(value, dict):
        return Mapping(tuple((Scalar(key, at), to_node(item, at)) for key, item in value.items()), at)
    return Scalar(to_string(value), at)


def to_plain(value: Value) -> Any:
    """For `convertToJson`."""
    sequence, mapping = items(value), entries(value)
    if sequence is not None:
        return [to_plain(item) for item in sequence]
    if mapping is not None:
        return {key: to_plain(item) for key, item in mapping}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else to_string(value)


def _lookup(mapping: dict[str, Any], key: str) -> Value:
    if key in mapping:
        found: Value = mapping[key]
        return found
    lowered = key.lower()
    for name in mapping:
        if name.lower() == lowered:
            return _lookup(mapping, name)
    if isinstance(mapping, Declared):
        raise Conversion(f"there is no parameter {key!r}{did_you_mean(key, mapping)}")
    return None


def _number_text(number: float) -> str:
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(number)


def _shown(value: Value) -> str:
    return repr(value) if isinstance(value, str) else kind(value)
