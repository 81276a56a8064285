"""Expressions, as Microsoft's documentation says they behave."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.local.pipelines.expressions import Failed, Scope, evaluate_text
from isthmus.local.pipelines.values import Value, Version

SCOPE = Scope(
    {
        "parameters": {
            "names": ["a", "b"],
            "empty": [],
            "map": {"One": "1", "two": {"deep": "2"}},
            "jobs": [{"name": "x", "tags": ["p"]}, {"name": "y"}],
        },
        "variables": {"Build.Reason": "Manual", "count": "3"},
        "start": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
    }
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # literals
        ("'it''s'", "it's"),
        ("TRUE", True),
        ("null", None),
        ("-1.5", -1.5),
        ("0x1F", 31.0),
        ("1.2.3", Version((1, 2, 3))),
        # eq and ne: the right side takes the left's kind; text ignores case
        ("eq('A', 'a')", True),
        ("eq(1, '1')", True),
        ("eq('1', 1)", True),
        ("eq(1, 'one')", False),
        ("ne(1, 'one')", True),
        ("eq(true, 'x')", True),
        ("eq('true', true)", True),
        ("eq('', null)", True),
        ("eq(null, '')", True),
        ("eq(0, '')", True),
        ("eq(1.2.3, '1.2.3')", True),
        # order
        ("gt(5, '3')", True),
        ("ge('b', 'A')", True),
        ("lt(1.2.3, '1.10.0')", True),
        ("le(2, 2)", True),
        # logic
        ("and(true, 'x', 1)", True),
        ("and(true, '')", False),
        ("or(false, 0, 'x')", True),
        ("xor(true, false)", True),
        ("not('')", True),
        ("and(false, gt(1, 'x'))", False),
        ("or(true, gt(1, 'x'))", True),
        ("iif(eq(1, 1), 'yes', 'no')", "yes"),
        ("coalesce('', null, 'c')", "c"),
        ("in('B', 'a', 'b')", True),
        ("notIn('c', 'a', 'b')", True),
        # text
        ("contains('ABCDE', 'bcd')", True),
        ("startsWith('ABC', 'ab')", True),
        ("endsWith('ABC', 'BC')", True),
        ("lower('ABC')", "abc"),
        ("upper('abc')", "ABC"),
        ("trim('  a ')", "a"),
        ("replace('a-b-c', '-', '_')", "a_b_c"),
        ("length('four')", 4.0),
        ("format('{0} {{0}} {1}', 'a', 2)", "a {0} 2"),
        ("format('{0:yyyyMMdd}.{0:HH}', start)", "20260304.05"),
        ("format('{0:d/M/yy}', start)", "4/3/26"),
        # collections
        ("join(',', parameters.names)", "a,b"),
        ("join(',', 'x')", "x"),
        ("split('a,b;c', ',;')", ["a", "b", "c"]),
        ("length(parameters.names)", 2.0),
        ("containsValue(parameters.names, 'B')", True),
        ("containsValue(parameters.map, '1')", True),
        ("parameters.MAP.one", "1"),
        ("parameters.map['two'].deep", "2"),
        ("parameters.names[1]", "b"),
        ("parameters.names[9]", None),
        ("parameters.jobs.*.name", ["x", "y"]),
        ("parameters.jobs[*].tags", [["p"]]),
        ("join('+', parameters.jobs.*.name)", "x+y"),
        ("convertToJson(parameters.names)", '[\n  "a",\n  "b"\n]'),
        # contexts
        ("variables['build.reason']", "Manual"),
        ("variables.missing", None),
        ("eq(variables.count, 3)", True),
    ],
)
def test_values(text: str, value: Value) -> None:
    assert evaluate_text(text, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an expression is expected"),
        ("eq(1", "is expected at the end"),
        ("eq(1 2)", "')' is expected at position 6"),
        ("a == b", "there is no operator '=='"),
        ('eq("a", 1)', "text stands between single quotes"),
        ("'open", "has no closing '"),
        ("eq(1)", "eq takes 2 arguments, not 1"),
        ("and(true)", "and takes at least 2 arguments"),
        ("eqq(1, 2)", "unknown function 'eqq'; did you mean 'eq'?"),
        ("startWith('a', 'b')", "did you mean 'startsWith'?"),
        ("paramters.x", "did you mean 'parameters'?"),
        ("gt(1, 'x')", "cannot convert 'x' to Number"),
        ("format('{1}', 'a')", "needs more than 1 arguments"),
        ("lower(parameters.map)", "cannot convert from Object to String"),
        ("variables.my-name", "a name with a hyphen"),
        ("(" * 80, "unexpected '('"),
        ("not(" * 80 + "1" + ")" * 80, "nested more than 50 deep"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(Failed) as caught:
        evaluate_text(text, SCOPE)
    assert message in str(caught.value)


def test_iif_evaluates_both_sides() -> None:
    with pytest.raises(Failed):
        evaluate_text("iif(true, 1, gt(1, 'x'))", SCOPE)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@given(st.text())
def test_any_text_survives_quoting(text: str) -> None:
    assert evaluate_text(quoted(text), SCOPE) == text


@given(st.text(), st.text())
def test_text_is_equal_regardless_of_case(left: str, right: str) -> None:
    assert evaluate_text(f"eq({quoted(left)}, {quoted(right)})", SCOPE) is (left.lower() == right.lower())


@given(st.lists(st.text(alphabet="abc{}'$()"), max_size=5))
def test_split_undoes_join(parts: list[str]) -> None:
    joined = evaluate_text("join(',', x)", Scope({"x": list(parts)}))
    assert evaluate_text(f"split({quoted(str(joined))}, ',')", SCOPE) == (parts or [""])


@given(st.text(alphabet="eqand(),'.[]*10 tru-parmets", max_size=40))
def test_nothing_but_a_value_or_a_failure_comes_out(text: str) -> None:
    try:
        evaluate_text(text, SCOPE)
    except Failed as failure:
        assert str(failure)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)


@given(_VALUES, _VALUES)
def test_ne_is_the_opposite_of_eq(left: Value, right: Value) -> None:
    scope = Scope({"a": left, "b": right})
    assert evaluate_text("eq(a, b)", scope) is not evaluate_text("ne(a, b)", scope)
