"""The functions of expressions that look only at their arguments, as Microsoft documents them.

`and`, `or`, `coalesce` and the like receive values that are already evaluated, except where
`expressions.evaluate` short-circuits. What depends on the run (`counter`, `succeeded`, ...) is given by
the context in which an expression is evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from isthmus.local.pipelines.values import (
    Conversion,
    Value,
    bounded,
    entries,
    equal,
    items,
    kind,
    ordered,
    to_boolean,
    to_number,
    to_plain,
    to_string,
)

MANY = 255
_FIELD = re.compile(r"\{\{|\}\}|\{(\d+)(?::((?:[^{}])*))?\}|[{}]")
# .NET's custom date formats, longest first.
_DATE = re.compile(r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|fff|tt|.", re.DOTALL)
_DATE_CODES = {"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dddd": "%A", "ddd": "%a"}
_DATE_CODES |= {"dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "tt": "%p"}


@dataclass(frozen=True)
class Function:
    least: int
    most: int
    call: Callable[..., Value]


def equals(left: Value, right: Value) -> bool:
    return equal(left, right)


def is_in(needle: Value, *others: Value) -> bool:
    return any(equal(needle, other) for other in others)


def contains(text: Value, part: Value) -> bool:
    return to_string(part).lower() in to_string(text).lower()


def contains_value(collection: Value, needle: Value) -> bool:
    """Whether an item of a sequence, or a value of a mapping, equals the needle."""
    found = items(collection)
    if found is None:
        pairs = entries(collection)
        found = [] if pairs is None else [value for _, value in pairs]
    return any(equal(item, needle) for item in found)


def starts_with(text: Value, start: Value) -> bool:
    return to_string(text).lower().startswith(to_string(start).lower())


def ends_with(text: Value, end: Value) -> bool:
    return to_string(text).lower().endswith(to_string(end).lower())


def coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None and value != ""), None)


def iif(condition: Value, yes: Value, no: Value) -> Value:
    return yes if to_boolean(condition) else no


def join(separator: Value, parts: Value) -> str:
    """Items that are no text count as empty; what is no sequence becomes text."""
    found = items(parts)
    if found is None:
        return to_string(parts)
    between, texts = to_string(separator), [_text_or_empty(item) for item in found]
    bounded(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def split(text: Value, separators: Value) -> list[Value]:
    """At each character of `separators`; empty pieces stay."""
    marks = to_string(separators)
    return list(re.split("[" + re.escape(marks) + "]", to_string(text))) if marks else [to_string(text)]


def replace(text: Value, old: Value, new: Value) -> str:
    whole, part, instead = to_string(text), to_string(old), to_string(new)
    if not part:
        return whole
    bounded(len(whole) + whole.count(part) * len(instead))
    return whole.replace(part, instead)


def length(value: Value) -> float:
    found, pairs = items(value), entries(value)
    if found is not None:
        return float(len(found))
    return float(len(list(pairs)) if pairs is not None else len(to_string(value)))


def substring(text: Value, start: Value, count: Value = None) -> str:
    """From a position on, `count` characters or all that follow."""
    whole, first = to_string(text), int(to_number(start))
    last = len(whole) if count is None else first + int(to_number(count))
    if not 0 <= first <= len(whole) or last < first:
        raise Conversion(f"{first} to {last} is not within the {len(whole)} characters of the text")
    return whole[first:last]


def trim(value: Value) -> str:
    return to_string(value).strip()


def convert_to_json(value: Value) -> str:
    return json.dumps(to_plain(value), indent=2, ensure_ascii=False)


def format_text(template: Value, *arguments: Value) -> str:
    """`{0}` is an argument, `{0:yyyyMMdd}` a date, `{{` and `}}` are braces."""

    length = 0

    def field(match: re.Match[str]) -> str:
        nonlocal length
        found = filled(match)
        length += len(found)
        bounded(length)
        return found

    def filled(match: re.Match[str]) -> str:
        if match.group(1) is None:
            if len(match.group()) == 1:
                raise Conversion(f"the format {to_string(template)!r} has a lone {match.group()!r}")
            return match.group()[0]
        number = int(match.group(1))
        if number >= len(arguments):
            raise Conversion(f"the format {to_string(template)!r} needs more than {len(arguments)} arguments")
        return _formatted(arguments[number], match.group(2))

    return _FIELD.sub(field, to_string(template))


def format_date(moment: datetime, pattern: str) -> str:
    """A date in .NET's custom format."""

    def part(match: re.Match[str]) -> str:
        code = match.group()
        if code == "fff":
            return f"{moment.microsecond // 1000:03}"
        if code in _DATE_CODES:
            return moment.strftime(_DATE_CODES[code])
        longer = _DATE_CODES.get(code * 2)
        return str(int(moment.strftime(longer))) if longer and code in "MdHhms" else code

    return _DATE.sub(part, pattern)


def _formatted(value: Value, pattern: str | None) -> str:
    if pattern is None:
        return to_string(value)
    if isinstance(value, datetime):
        return format_date(value, pattern)
    raise Conversion(f"the format {pattern!r} is for dates, not for {kind(value)}")


def _text_or_empty(value: Value) -> str:
    return "" if kind(value) in ("Array", "Object") else to_string(value)


def _like_left(compare: Callable[[int], bool]) -> Callable[..., Value]:
    return lambda left, right: compare(ordered(left, right))


_DOCUMENTED = {
    "and": Function(2, MANY, lambda *values: all(map(to_boolean, values))),
    "or": Function(2, MANY, lambda *values: any(map(to_boolean, values))),
    "not": Function(1, 1, lambda value: not to_boolean(value)),
    "xor": Function(2, 2, lambda left, right: to_boolean(left) != to_boolean(right)),
    "eq": Function(2, 2, equals),
    "ne": Function(2, 2, lambda left, right: not equal(left, right)),
    "gt": Function(2, 2, _like_left(lambda order: order > 0)),
    "ge": Function(2, 2, _like_left(lambda order: order >= 0)),
    "lt": Function(2, 2, _like_left(lambda order: order < 0)),
    "le": Function(2, 2, _like_left(lambda order: order <= 0)),
    "in": Function(1, MANY, is_in),
    "notIn": Function(1, MANY, lambda needle, *others: not is_in(needle, *others)),
    "contains": Function(2, 2, contains),
    "containsValue": Function(2, 2, contains_value),
    "startsWith": Function(2, 2, starts_with),
    "endsWith": Function(2, 2, ends_with),
    "format": Function(1, MANY, format_text),
    "join": Function(2, 2, join),
    "split": Function(2, 2, split),
    "replace": Function(3, 3, replace),
    "coalesce": Function(2, MANY, coalesce),
    "iif": Function(3, 3, iif),
    "lower": Function(1, 1, lambda value: to_string(value).lower()),
    "upper": Function(1, 1, lambda value: to_string(value).upper()),
    "length": Function(1, 1, length),
    "substring": Function(2, 3, substring),
    "trim": Function(1, 1, trim),
    "convertToJson": Function(1, 1, convert_to_json),
}
PURE = {name.lower(): function for name, function in _DOCUMENTED.items()}
SPELLING = {name.lower(): name for name in (*_DOCUMENTED, "succeededOrFailed")}
