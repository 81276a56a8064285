"""The template language: what `${{ }}`, `if`, `each` and `insert` make of a YAML tree.

Expansion is lazy: a `Part` is a node with the scope in which it is to be read, and `mapping` and `sequence`
open one level of it. So whoever knows the structure (`reading`, `jobs`) decides in which order and with
which variables its parts are read. What comes out of an expression is final and never read again, so
text that looks like an expression in a parameter's value stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from isthmus.local.pipelines.expressions import Failed, Scope, evaluate_text
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, Sequence, broken
from isthmus.local.pipelines.problems import TooMuch
from isthmus.local.pipelines.values import (
    MAX_TEXT,
    Conversion,
    Value,
    entries,
    items,
    kind,
    to_boolean,
    to_node,
    to_string,
)

OPENING = "${{"
WORDS = ("if", "elseif", "else", "each", "insert")
_DIRECTIVE = re.compile(r"(if|elseif|else|each|insert)(?=\s|$)(.*)", re.DOTALL)
_EACH = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s+in\s+(.+)", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """A node and the scope to read it in; None when it is already final."""

    node: Node
    scope: Scope | None

    @property
    def at(self) -> Place:
        return self.node.at

    def within(self, node: Node) -> Part:
        return Part(node, self.scope)


@dataclass(frozen=True)
class Directive:
    word: str
    argument: str
    at: Place


Entry = tuple[Scalar, Part]


def expand(part: Part) -> Node:
    """The whole tree below, with nothing left to expand."""
    part = settle(part)
    if isinstance(part.node, Scalar) or part.scope is None:
        return part.node
    if isinstance(part.node, Sequence):
        return Sequence(tuple(expand(item) for item in sequence(part)), part.at)
    return Mapping(tuple((key, expand(value)) for key, value in mapping(part)), part.at)


def settle(part: Part) -> Part:
    """A scalar becomes its text, or what the expression that it is stands for."""
    if part.scope is None or not isinstance(part.node, Scalar):
        return part
    if _is_plain(part.node.text):
        return Part(part.node, None)
    pieces = list(pieces_of(part.node.text, part.at))
    if len(pieces) == 1 and pieces[0][0]:
        value = evaluate(pieces[0][1], part.scope, part.at)
        return Part(to_node(value, part.at), None)
    return Part(Scalar(_text(pieces, part.scope, part.at), part.at), None)


def sequence(part: Part) -> Iterator[Part]:
    """The items of a sequence, with `if` and `each` items and sequences in expressions spliced in.

    One after the other, so that what the scope holds may grow while a list of variables is read.
    """
    part = settle(part)
    if isinstance(part.node, Scalar) and not part.node.text:
        return
    if not isinstance(part.node, Sequence):
        raise broken("a list is expected here: items that begin with '- '", part.at)
    chain = _Chain()
    for item in part.node.items:
        yield from [Part(item, None)] if part.scope is None else _items_of(part.within(item), chain)


def mapping(part: Part) -> list[Entry]:
    """The entries of a mapping, with those of `if`, `each` and `insert` merged in."""
    part = settle(part)
    if isinstance(part.node, Scalar) and not part.node.text:
        return []
    if not isinstance(part.node, Mapping):
        raise broken("a mapping is expected here: `key: value` lines", part.at)
    if part.scope is None:
        return [(key, Part(value, None)) for key, value in part.node.entries]
    found: dict[str, Entry] = {}
    for key, value in _entries_of(part.node, part.scope):
        if key.text in found:
            raise broken(
                f"the key {key.text!r} stands twice, first in {found[key.text][0].at}",
                key.at,
                "let only one of the conditions that set it hold",
            )
        found[key.text] = (key, value)
    return list(found.values())


def entries_in_turn(part: Part) -> Iterator[Entry]:
    """Like `mapping`, but one after the other, so that the scope may grow; a key may come again."""
    part = settle(part)
    if isinstance(part.node, Mapping) and part.scope is not None:
        yield from _entries_of(part.node, part.scope)
    else:
        yield from mapping(part)


def evaluate(text: str, scope: Scope, at: Place) -> Value:
    try:
        return evaluate_text(text, scope)
    except Failed as error:
        raise broken(str(error), at) from None


def pieces_of(text: str, at: Place) -> Iterator[tuple[bool, str]]:
    """Text cut into (False, literal) and (True, expression)."""
    position = 0
    while (start := text.find(OPENING, position)) >= 0:
        if start > position:
            yield False, text[position:start]
        end = _closing(text, start + 3)
        if end < 0:
            raise broken("the expression that begins with '${{' has no closing '}}'", at)
        yield True, text[start + 3 : end]
        position = end + 2
    if position < len(text) or not text:
        yield False, text[position:]


def _is_plain(text: str) -> bool:
    """Most text holds no expression, and need not be cut."""
    return OPENING not in text and len(text) <= MAX_TEXT


def directive(key: Scalar) -> Directive | None:
    """The `if`, `elseif`, `else`, `each` or `insert` that a key is."""
    text = key.text.strip()
    if not text.startswith(OPENING):
        return None
    pieces = list(pieces_of(text, key.at))
    if len(pieces) != 1:
        return None
    match = _DIRECTIVE.fullmatch(pieces[0][1].strip())
    return Directive(match.group(1), match.group(2).strip(), key.at) if match else None


def each_parts(one: Directive) -> tuple[str, str]:
    """The loop's variable and the expression of what it goes over."""
    match = _EACH.fullmatch(" " + one.argument)
    if match is None:
        raise broken("a loop is written '${{ each NAME in EXPRESSION }}'", one.at)
    return match.group(1), match.group(2)


class _Chain:
    """Whether a branch of an if / elseif / else was taken; None where there is no `if` before."""

    def __init__(self) -> None:
        self.taken: bool | None = None

    def scopes(self, one: Directive, scope: Scope) -> list[Scope]:
        """The scopes in which the body of the directive is to be read: none, one, or one for each item."""
        if one.word in ("if", "elseif", "else"):
            return [scope] if self._branch(one, scope) else []
        self.taken = None
        if one.word == "insert":
            return [scope]
        name, expression = each_parts(one)
        found = _looped(evaluate(expression, scope, one.at), one.at)
        try:
            scope.budget.spend(len(found))
        except Failed as error:
            raise TooMuch(str(error), where=str(one.at)) from None
        return [scope.with_context(name, item) for item in found]

    def _branch(self, one: Directive, scope: Scope) -> bool:
        if one.word == "if":
            self.taken = False
        elif self.taken is None:
            raise broken(f"'{one.word}' has no 'if' right before it", one.at)
        before = bool(self.taken)
        holds = not before and (one.word == "else" or to_boolean(evaluate(one.argument, scope, one.at)))
        self.taken = None if one.word == "else" else before or holds
        return holds


def _items_of(part: Part, chain: _Chain) -> Iterator[Part]:
    node = part.node
    if isinstance(node, Mapping) and node.entries and part.scope is not None:
        directives = [directive(key) for key, _ in node.entries]
        if all(directives):
            for one, (_, body) in zip(directives, node.entries, strict=True):
                assert one is not None  # noqa: S101 - all() above
                for scope in chain.scopes(one, part.scope):
                    yield from _spliced(Part(body, scope))
            return
    chain.taken = None
    if isinstance(node, Scalar):
        settled = settle(part)
        yield from _spliced(settled) if isinstance(settled.node, Sequence) else [settled]
    else:
        yield part


def _spliced(body: Part) -> Iterator[Part]:
    body = settle(body)
    if isinstance(body.node, Sequence):
        yield from sequence(body)
    elif isinstance(body.node, Mapping) or body.node.text:
        yield body


def _entries_of(node: Mapping, scope: Scope) -> Iterator[Entry]:
    chain = _Chain()
    for key, value in node.entries:
        one = directive(key)
        if one is None:
            chain.taken = None
            named = key if _is_plain(key.text) else replace(key, text=_key(key, scope))
            yield named, Part(value, scope)
            continue
        for inner in chain.scopes(one, scope):
            yield from mapping(Part(value, inner))


def _key(key: Scalar, scope: Scope) -> str:
    return _text(list(pieces_of(key.text, key.at)), scope, key.at)


def _text(pieces: list[tuple[bool, str]], scope: Scope, at: Place) -> str:
    found, length = [], 0
    for is_expression, text in pieces:
        value = evaluate(text, scope, at) if is_expression else text
        try:
            found.append(to_string(value))
        except Conversion as error:
            raise broken(
                f"{error}: {text.strip()!r} cannot stand inside text", at, "use convertToJson() or join()"
            ) from None
        length += len(found[-1])
        if length > MAX_TEXT:
            raise broken(f"the text would have more than {MAX_TEXT:,} characters", at)
    return "".join(found)


def _looped(value: Value, at: Place) -> list[Value]:
    found, pairs = items(value), entries(value)
    if found is not None:
        return found
    if pairs is not None:
        return [{"key": key, "value": item} for key, item in pairs]
    if value is None or value == "":
        return []
    raise broken(f"'each' goes over a list or a mapping, not over {kind(value)}", at)


def _closing(text: str, position: int) -> int:
    quoted = False
    while position < len(text):
        if text[position] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", position):
            return position
        position += 1
    return -1
