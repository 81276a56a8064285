"""The condition language of a pipeline definition: comparison, In, Not, And, Or over resolved values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

Resolve = Callable[[Any], Any]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class ConditionError(Exception):
    """A condition that cannot be evaluated: the step fails with this text."""


def holds(condition: dict[str, Any], resolve: Resolve) -> bool:
    """Whether the condition holds; `resolve` turns each side's placeholders into values."""
    kind = condition["Type"]
    if kind in COMPARISONS:
        return _compare(kind, resolve(condition["LeftValue"]), resolve(condition["RightValue"]))
    if kind == "In":
        value = resolve(condition["QueryValue"])
        return any(_compare("Equals", value, resolve(one)) for one in condition["Values"])
    if kind == "Not":
        return not holds(condition["Expression"], resolve)
    if kind == "And":
        return all(holds(one, resolve) for one in condition["Conditions"])
    return any(holds(one, resolve) for one in condition["Conditions"])


def problems(condition: Any, where: str) -> Iterator[str]:
    """What is wrong with the form of a condition; nothing for a condition that `holds` accepts."""
    if not isinstance(condition, dict):
        yield f"{where} is not a condition"
        return
    kind = condition.get("Type")
    if kind in COMPARISONS:
        yield from _lacking(condition, ("LeftValue", "RightValue"), where)
    elif kind == "In":
        yield from _lacking(condition, ("QueryValue", "Values"), where)
    elif kind == "Not":
        yield from problems(condition.get("Expression"), f"{where}.Expression")
    elif kind in ("And", "Or"):
        for index, one in enumerate(condition.get("Conditions") or [None]):
            yield from problems(one, f"{where}.Conditions[{index}]")
    else:
        yield f"{where} has unknown condition type {kind!r}"


def _compare(kind: str, left: Any, right: Any) -> bool:
    if kind == "Equals":
        return bool(_alike(left, right) and left == right)
    if isinstance(left, bool | list | dict) or not _alike(left, right):
        raise ConditionError(
            f"Unable to evaluate condition {kind}: {left!r} ({type(left).__name__}) and "
            f"{right!r} ({type(right).__name__}) cannot be compared"
        )
    return COMPARISONS[kind](left, right)


def _alike(left: Any, right: Any) -> bool:
    """Numbers compare with numbers, and everything else with its own kind; a boolean is no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    if isinstance(left, int | float):
        return isinstance(right, int | float)
    return isinstance(right, type(left))


def _lacking(condition: dict[str, Any], keys: tuple[str, ...], where: str) -> Iterator[str]:
    for key in keys:
        if key not in condition:
            yield f"{where} ({condition['Type']}) lacks {key}"
