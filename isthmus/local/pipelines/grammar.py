"""The grammar of expressions: text in, a tree out. No evaluation.

expression = literal | name | function "(" [expression {"," expression}] ")"
             followed by any number of .name, .*, [expression]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from isthmus.local.pipelines.values import Value, Version

MAX_DEPTH = 50
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>[+-]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)*|\.\d+)(?![A-Za-z0-9_]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>[(),.\[\]*])""",
    re.VERBOSE,
)
_OPERATORS = re.compile(r"==|!=|&&|\|\||<=|>=|[<>!=+&|]")


class Malformed(ValueError):
    """The text is not an expression; the message says where."""


class Token(NamedTuple):
    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class Literal:
    value: Value


@dataclass(frozen=True)
class Name:
    """A context: `parameters`, `variables`, a loop's variable, ..."""

    name: str


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Index:
    of: Expression
    key: Expression


@dataclass(frozen=True)
class Wildcard:
    """`.*`: every item, or every value."""

    of: Expression


Expression: TypeAlias = Literal | Name | Call | Index | Wildcard


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Raises `Malformed`."""
    tokens = _tokens(text)
    if not tokens:
        raise Malformed("an expression is expected")
    expression, rest = _expression(tokens, 0, 0)
    if rest < len(tokens):
        raise Malformed(f"unexpected {tokens[rest].text!r} at position {tokens[rest].position + 1}")
    return expression


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all that it is made of."""
    yield expression
    if isinstance(expression, Call):
        for argument in expression.arguments:
            yield from walk(argument)
    elif isinstance(expression, Index):
        yield from walk(expression.of)
        yield from walk(expression.key)
    elif isinstance(expression, Wildcard):
        yield from walk(expression.of)


def _tokens(text: str) -> list[Token]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Malformed(_unreadable(text, position))
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), position))
        position = match.end()
    return found


def _unreadable(text: str, position: int) -> str:
    operator = _OPERATORS.match(text, position)
    if operator:
        return (
            f"there is no operator {operator.group()!r} in expressions; use eq(a, b), and(a, b), not(a), ..."
        )
    if text[position] == "'":
        return f"the text that begins at position {position + 1} has no closing '"
    hints = {'"': "; text stands between single quotes", "-": "; a name with a hyphen is written ['a-b']"}
    hint = hints.get(text[position], "")
    return f"unexpected {text[position]!r} at position {position + 1}{hint}"


def _expression(tokens: list[Token], at: int, depth: int) -> tuple[Expression, int]:
    if depth > MAX_DEPTH:
        raise Malformed(f"nested more than {MAX_DEPTH} deep")
    expression, at = _primary(tokens, at, depth)
    while at < len(tokens) and tokens[at].text in (".", "["):
        if tokens[at].text == "[":
            if _is(tokens, at + 1, "*"):
                expression, at = Wildcard(expression), _expect(tokens, at + 2, "]")
                continue
            key, at = _expression(tokens, at + 1, depth + 1)
            expression, at = Index(expression, key), _expect(tokens, at, "]")
        elif _is(tokens, at + 1, "*"):
            expression, at = Wildcard(expression), at + 2
        else:
            name = _take(tokens, at + 1, "name", "a name after '.'")
            expression, at = Index(expression, Literal(name.text)), at + 2
    return expression, at


def _primary(tokens: list[Token], at: int, depth: int) -> tuple[Expression, int]:
    if at >= len(tokens):
        raise Malformed("the expression ends too early")
    token = tokens[at]
    if token.kind == "string":
        return Literal(token.text[1:-1].replace("''", "'")), at + 1
    if token.kind == "number":
        return Literal(_number(token)), at + 1
    if token.kind != "name":
        raise Malformed(f"unexpected {token.text!r} at position {token.position + 1}")
    if _is(tokens, at + 1, "("):
        arguments, at = _arguments(tokens, at + 2, depth)
        return Call(token.text, arguments), at
    literals: dict[str, Value] = {"true": True, "false": False, "null": None}
    if token.text.lower() in literals:
        return Literal(literals[token.text.lower()]), at + 1
    return Name(token.text), at + 1


def _arguments(tokens: list[Token], at: int, depth: int) -> tuple[tuple[Expression, ...], int]:
    if _is(tokens, at, ")"):
        return (), at + 1
    found = []
    while True:
        argument, at = _expression(tokens, at, depth + 1)
        found.append(argument)
        if _is(tokens, at, ","):
            at += 1
            continue
        return tuple(found), _expect(tokens, at, ")")


def _number(token: Token) -> Value:
    text = token.text
    if text.count(".") > 1:
        if text.count(".") > 3 or text[0] in "+-.":
            raise Malformed(f"{text!r} at position {token.position + 1} is not a version")
        return Version(tuple(int(part) for part in text.split(".")))
    if "0x" in text.lower():
        return float(int(text, 16))
    return float(text)


def _is(tokens: list[Token], at: int, text: str) -> bool:
    return at < len(tokens) and tokens[at].kind == "mark" and tokens[at].text == text


def _expect(tokens: list[Token], at: int, text: str) -> int:
    _take(tokens, at, "mark", repr(text), text)
    return at + 1


def _take(tokens: list[Token], at: int, kind: str, wanted: str, text: str = "") -> Token:
    if at >= len(tokens):
        raise Malformed(f"{wanted} is expected at the end")
    token = tokens[at]
    if token.kind != kind or (text and token.text != text):
        raise Malformed(f"{wanted} is expected at position {token.position + 1}, not {token.text!r}")
    return token
