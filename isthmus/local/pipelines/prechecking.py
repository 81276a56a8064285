"""What is wrong in a file whichever branch is taken: expressions that do not parse, unknown functions.

A name that nobody declares is wrong only where it is evaluated; elsewhere it is worth a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.expressions import Failed, check_text, walk
from isthmus.local.pipelines.grammar import Index, Literal, Name, parse
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, broken
from isthmus.local.pipelines.parameters import is_typed
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.templating import OPENING, WORDS, directive, each_parts, pieces_of

CONTEXTS = frozenset({"parameters", "variables", "resources", "pipeline", "environment"})
"""What a template expression may name, besides the variables of loops."""


@dataclass
class _File:
    parameters: Collection[str] | None
    """None where anything may be given."""
    warnings: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)


def check_file(root: Mapping, parameters: Collection[str]) -> list[str]:
    """Check every expression of a file; `parameters` are the names that it declares. Gives warnings."""
    file = _File(parameters if is_typed(root) else None)
    _check(root, file, CONTEXTS)
    file.notes.settle()
    return file.warnings


def _check(node: Node, file: _File, names: frozenset[str]) -> None:
    if isinstance(node, Scalar):
        if OPENING not in node.text:
            return
        with file.notes.noting():
            for is_expression, text in pieces_of(node.text, node.at):
                if is_expression:
                    _check_expression(text, node.at, file, names)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            within = names
            with file.notes.noting():
                within = _check_key(key, file, names)
            _check(value, file, within)
    else:
        for item in node.items:
            _check(item, file, names)


def _check_key(key: Scalar, file: _File, names: frozenset[str]) -> frozenset[str]:
    one = directive(key)
    if one is None:
        _check(key, file, names)
        return names
    if one.word in ("else", "insert"):
        if one.argument:
            raise broken(f"nothing may follow '{one.word}', not {one.argument!r}", key.at)
        return names
    if one.word != "each":
        _check_expression(one.argument, key.at, file, names)
        return names
    name, expression = each_parts(one)
    _check_expression(expression, key.at, file, names)
    return names | {name}


def _check_expression(text: str, at: Place, file: _File, names: frozenset[str]) -> None:
    try:
        expression = parse(text)
        used = {part.name for part in walk(expression) if isinstance(part, Name)}
        check_text(text, names | used, ())
    except (ValueError, OverflowError, RecursionError) as error:
        raise broken(
            f"{error}" if isinstance(error, Failed) else f"{error}, in {text.strip()!r}", at
        ) from None
    for word in used & set(WORDS):
        raise broken(f"'{word}' is the key of a mapping here: write a ':' after it", at)
    for name in sorted(used):
        if not _knows(names, name):
            file.warnings.append(f"{at}: unknown name {name!r}{did_you_mean(name, names)}")
    for part in walk(expression):
        if isinstance(part, Index) and isinstance(part.of, Name) and isinstance(part.key, Literal):
            _check_parameter(part.of.name, str(part.key.value), at, file)


def _check_parameter(context: str, name: str, at: Place, file: _File) -> None:
    known = file.parameters
    if known is not None and context.lower() == "parameters" and not _knows(known, name):
        file.warnings.append(f"{at}: there is no parameter {name!r}{did_you_mean(name, known)}")


def _knows(names: Iterable[str], name: str) -> bool:
    return any(name.lower() == one.lower() for one in names)
