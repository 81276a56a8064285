"""The condition language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.executor.conditions import COMPARISONS, ConditionError, holds, problems


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


def true(condition: dict[str, Any]) -> bool:
    assert list(problems(condition, "here")) == []
    return holds(condition, lambda value: value)


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("Equals", 1, 1.0, True),
        ("Equals", True, 1, False),
        ("Equals", "1", 1, False),
        ("GreaterThan", 2, 1.5, True),
        ("GreaterThanOrEqualTo", 0.7, 0.7, True),
        ("LessThan", 0.7, 0.7, False),
        ("LessThanOrEqualTo", "a", "b", True),
    ],
)
def test_comparisons(kind: str, left: Any, right: Any, expected: bool) -> None:
    assert true(compare(kind, left, right)) is expected


def test_in_not_and_or() -> None:
    yes, no = compare("Equals", 1, 1), compare("Equals", 1, 2)
    assert true({"Type": "In", "QueryValue": "b", "Values": ["a", "b"]})
    assert not true({"Type": "In", "QueryValue": "c", "Values": ["a", "b"]})
    assert true({"Type": "Not", "Expression": no})
    assert true({"Type": "Or", "Conditions": [no, yes]})
    assert not true({"Type": "And", "Conditions": [no, yes]})
    assert true({"Type": "And", "Conditions": [yes, {"Type": "Not", "Expression": no}]})


numbers = st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_comparisons_agree_with_each_other(left: float, right: float) -> None:
    below, above = true(compare("LessThan", left, right)), true(compare("GreaterThan", left, right))
    equal = true(compare("Equals", left, right))
    assert below + above + equal == 1
    assert true(compare("LessThanOrEqualTo", left, right)) == (below or equal)
    assert true(compare("GreaterThanOrEqualTo", left, right)) == (above or equal)


@pytest.mark.parametrize("kind", [kind for kind in COMPARISONS if kind != "Equals"])
def test_what_cannot_be_compared_is_an_error(kind: str) -> None:
    with pytest.raises(ConditionError, match="cannot be compared"):
        true(compare(kind, "0.9", 0.7))


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ({"Type": "Above"}, "unknown condition type 'Above'"),
        ({"Type": "Equals", "LeftValue": 1}, "lacks RightValue"),
        ({"Type": "Not"}, "is not a condition"),
        ({"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": 1}]}, "lacks Values"),
    ],
)
def test_the_form_is_checked(condition: dict[str, Any], complaint: str) -> None:
    assert any(complaint in problem for problem in problems(condition, "here"))
