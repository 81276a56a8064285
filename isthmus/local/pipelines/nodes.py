"""YAML as a tree that remembers where each thing stands; every scalar is a string, as the service has it.

Anchors are refused, as the service refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import yaml

from isthmus.errors import BadInput
from isthmus.local.pipelines.host import Located


@dataclass(frozen=True)
class Source:
    """A YAML file of a repository; templates that it names are sought beside it."""

    located: Located
    path: str

    def __str__(self) -> str:
        alias = self.located.repository.alias
        return self.path if alias == "self" else f"{self.path}@{alias}"


@dataclass(frozen=True)
class Place:
    source: Source
    line: int
    column: int = 0
    """From 1; 0 for the whole line."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.column else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Scalar:
    text: str
    at: Place = field(compare=False)


@dataclass(frozen=True)
class Sequence:
    items: tuple[Node, ...]
    at: Place = field(compare=False)


@dataclass(frozen=True)
class Mapping:
    entries: tuple[tuple[Scalar, Node], ...]
    at: Place = field(compare=False)

    def get(self, key: str) -> Node | None:
        """The value of a key; its case does not matter when no key is spelt exactly so."""
        for name, value in self.entries:
            if name.text == key:
                return value
        for name, value in self.entries:
            if name.text.lower() == key.lower():
                return value
        return None


Node: TypeAlias = Scalar | Sequence | Mapping
Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"


_NULL = "tag:yaml.org,2002:null"


def broken(what: str, at: Place | str, todo: str = "") -> BadInput:
    """The error for a thing in a YAML file that is wrong."""
    return BadInput(what, where=str(at), todo=todo)


@lru_cache(maxsize=512)
def load(text: str, source: Source) -> Mapping:
    """Parse a pipeline or template file; `BadInput` when it is not one YAML mapping.

    The tree is frozen, and remembered: a file is parsed for the first run that reads it so, and not for each.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1)
        raise broken(f"not valid YAML: {error.problem or error.context}", where) from None
    except yaml.YAMLError as error:
        raise broken(f"not valid YAML: {error}", str(source)) from None
    except RecursionError:
        raise broken("the YAML is nested too deeply", str(source)) from None
    if not isinstance(root, yaml.MappingNode):
        raise broken("a pipeline file is a mapping: `steps:`, `jobs:`, `stages:`, ...", f"{source}:1")
    node = _converted(root, source)
    assert isinstance(node, Mapping)  # noqa: S101 - a MappingNode converts to a Mapping
    return node


def parse_value(text: str, at: Place) -> Node:
    """A parameter's value that came as text (YAML or JSON), as a tree."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise broken(f"the value of a parameter is not valid YAML: {error}", at) from None
    return Scalar("", at) if root is None else _converted(root, at.source)


def plain(node: Node) -> Plain:
    """The tree without places."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.entries}


def _converted(root: yaml.Node, source: Source) -> Node:
    try:
        return _convert(root, source, set())
    except RecursionError:
        raise broken("the YAML is nested too deeply", str(source)) from None


def _convert(node: yaml.Node, source: Source, seen: set[int]) -> Node:
    at = Place(source, node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in seen:
        raise broken("Azure Pipelines does not support YAML anchors", at, "write it out, or use a template")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return Scalar("" if node.tag == _NULL else node.value, at)
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_convert(item, source, seen) for item in node.value), at)
    return Mapping(tuple(_entries(node, source, seen)), at)


def _entries(node: yaml.Node, source: Source, seen: set[int]) -> Iterable[tuple[Scalar, Node]]:
    lines: dict[str, int] = {}
    for key, value in node.value:
        at = Place(source, key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise broken("a key must be plain text", at)
        if key.value in lines and not key.value.startswith("${{"):
            raise broken(f"the key {key.value!r} stands twice, first in line {lines[key.value]}", at)
        lines[key.value] = at.line
        yield Scalar(key.value, at), _convert(value, source, seen)
