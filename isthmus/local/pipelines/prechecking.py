"""What is wrong in a file whichever branch is taken: expressions that do not parse, and undeclared names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from isthmus.local.pipelines.expressions import Failed, check_text, walk
from isthmus.local.pipelines.grammar import Index, Literal, Name
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, broken, nearest
from isthmus.local.pipelines.templating import directive, each_parts, pieces_of

CONTEXTS = frozenset({"parameters", "variables", "resources", "pipeline", "environment"})
"""What a template expression may name, besides the variables of loops."""


def check_file(root: Mapping, parameters: Collection[str]) -> None:
    """Check every expression of a file; `parameters` are the names that it declares."""
    _check(root, parameters, CONTEXTS)


def _check(node: Node, parameters: Collection[str], names: frozenset[str]) -> None:
    if isinstance(node, Scalar):
        for is_expression, text in pieces_of(node.text, node.at):
            if is_expression:
                _check_expression(text, node.at, parameters, names)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            _check(value, parameters, _check_key(key, parameters, names))
    else:
        for item in node.items:
            _check(item, parameters, names)


def _check_key(key: Scalar, parameters: Collection[str], names: frozenset[str]) -> frozenset[str]:
    one = directive(key)
    if one is None:
        _check(key, parameters, names)
        return names
    if one.word in ("else", "insert"):
        if one.argument:
            raise broken(f"nothing may follow '{one.word}', not {one.argument!r}", key.at)
        return names
    if one.word != "each":
        _check_expression(one.argument, key.at, parameters, names)
        return names
    name, expression = each_parts(one)
    _check_expression(expression, key.at, parameters, names)
    return names | {name}


def _check_expression(text: str, at: Place, parameters: Collection[str], names: frozenset[str]) -> None:
    try:
        expression = check_text(text, names, ())
    except Failed as error:
        raise broken(str(error), at) from None
    # A loop may shadow `parameters`, and then nothing is known of it.
    for part in walk(expression) if "parameters" in CONTEXTS & names else ():
        if isinstance(part, Index) and isinstance(part.of, Name) and isinstance(part.key, Literal):
            _check_parameter(part, at, parameters)


def _check_parameter(part: Index, at: Place, parameters: Collection[str]) -> None:
    assert isinstance(part.of, Name) and isinstance(part.key, Literal)  # noqa: S101 - the caller looked
    name = str(part.key.value)
    if part.of.name.lower() != "parameters" or _knows(parameters, name):
        return
    raise broken(
        f"there is no parameter {name!r}{nearest(name, parameters)}",
        at,
        f"declare it under `parameters:` of {at.source}" if not parameters else "",
    )


def _knows(names: Iterable[str], name: str) -> bool:
    return any(name.lower() == one.lower() for one in names)
