"""Placeholders of a pipeline definition (`Get`, `Std:Join`, `Std:JsonGet`): found, and put into values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

PLACEHOLDERS = ("Get", "Std:Join", "Std:JsonGet")
_PART = re.compile(
    r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<key>.+?)(?P=quote)\]", re.DOTALL
)
# What a list's items are called by, for Outputs['name'] and its like.
_ITEM_NAMES = ("OutputName", "InputName", "ChannelName", "VariantName", "Name", "MetricName")


class Unresolved(Exception):
    """A placeholder that has no value."""


class Values(Protocol):
    """Where placeholders find their values."""

    def parameter(self, name: str) -> Any: ...
    def execution(self, name: str) -> Any: ...
    def step(self, name: str) -> Any: ...
    def property_file(self, step: str, name: str) -> Any: ...
    def json_object(self, uri: str) -> Any: ...


@dataclass(frozen=True)
class Reference:
    """One `Get`: what it looks in (`Parameters`, `Execution` or `Steps`), whose, and the path from there."""

    root: str
    name: str
    path: tuple[str | int, ...] = ()


def parse(text: str) -> Reference:
    """Take a `Get` apart; raises `Unresolved` where it is none."""
    parts = split(text)
    if len(parts) < 2 or parts[0] not in ("Parameters", "Execution", "Steps"):
        raise Unresolved(f"{text!r} is no reference: it begins with Parameters., Execution. or Steps.")
    return Reference(str(parts[0]), str(parts[1]), tuple(parts[2:]))


def split(path: str) -> list[str | int]:
    """`a.b[0]['c']` as ["a", "b", 0, "c"]."""
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            raise Unresolved(f"{path!r} is no path")
        index = match["index"]
        parts.append(int(index) if index is not None else match["name"] or match["key"])
        at = match.end()
    return parts


def is_placeholder(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in PLACEHOLDERS


def references(value: Any) -> Iterator[Reference]:
    """Every `Get` inside `value`, at any depth."""
    if isinstance(value, dict):
        if is_placeholder(value) and "Get" in value:
            yield parse(value["Get"])
            return
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(value: Any, values: Values) -> Any:
    """`value` with every placeholder replaced; raises `Unresolved` where one has no value."""
    if isinstance(value, list):
        return [resolve(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_placeholder(value):
        return {key: resolve(item, values) for key, item in value.items()}
    ((kind, content),) = value.items()
    if kind == "Get":
        return _get(parse(content), values)
    if kind == "Std:Join":
        return content["On"].join(as_text(resolve(one, values)) for one in content["Values"])
    return _json_get(content, values)


def as_text(value: Any) -> str:
    """How `Std:Join` writes a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def walk(value: Any, path: tuple[str | int, ...], shown: str) -> Any:
    """The value at `path`; lists also answer to their items' names."""
    for part in path:
        value = _child(value, part, shown)
    return value


def _get(reference: Reference, values: Values) -> Any:
    if reference.root == "Parameters":
        return values.parameter(reference.name)
    if reference.root == "Execution":
        return values.execution(reference.name)
    shown = ".".join(str(part) for part in ("Steps", reference.name, *reference.path))
    return walk(values.step(reference.name), reference.path, shown)


def _json_get(content: dict[str, Any], values: Values) -> Any:
    path = content["Path"]
    if "PropertyFile" in content:
        file = content["PropertyFile"]
        reference = parse(file["Get"]) if isinstance(file, dict) else parse(file)
        document = values.property_file(reference.name, str(reference.path[-1]))
    else:
        document = values.json_object(resolve(content["S3Uri"], values))
    return walk(document, tuple(split(path)), f"JsonGet {path}")


def _child(value: Any, part: str | int, shown: str) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list):
        if isinstance(part, int) and part < len(value):
            return value[part]
        for item in value:
            if isinstance(item, dict) and any(item.get(key) == part for key in _ITEM_NAMES):
                return item
    raise Unresolved(f"{shown} has no value: there is no {part!r}")
