"""Edits a configuration file as text, so that its comments, order and quotes stay as people wrote them.

Where a value stands is said by keys, and by positions in lists: `("teams", 0, "scientists")`. What the values
mean is for the models to judge: `edit` writes nothing that they would refuse.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import textwrap
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import yaml

from isthmus import files
from isthmus.config.fields import Strict
from isthmus.config.reading import parse, text_of
from isthmus.errors import BadInput, Unavailable

Config = TypeVar("Config", bound=Strict)
Where = Sequence[str | int]


def edit(file: Path, kind: type[Config], change: Callable[[str], str]) -> Config:
    """Change the file's text, and return what it says then.

    Raises `BadInput`, and leaves the file alone, where it is wrong before the change or would be after it.
    """
    with _alone_at(file):
        before = text_of(file)
        parse(before, file, kind)
        lines = before.replace("\r\n", "\n")
        after = change(lines)
        try:
            config = parse(after, file, kind)
        except BadInput as wrong:
            raise BadInput(
                wrong.what,
                where=f"{wrong.where} (as it would be)",
                todo=wrong.todo or f"{file} was not changed",
            ) from None
        if after != lines:
            _write(file, after.replace("\n", "\r\n" if "\r\n" in before else "\n"))
    return config


def put(text: str, where: Where, value: object) -> str:
    """The text with `value` at `where`, in place of what stood there; mappings on the way are made."""
    *above, key = where
    parent = _find(_compose(text), above)
    if above and _is_empty(parent):
        return put(text, above, {key: value})
    if not isinstance(parent, yaml.MappingNode):
        raise BadInput(f"{'.'.join(map(str, above))} is no mapping, so it can hold no {key!r}")
    written = _written({key: value}, parent)
    for old, there in parent.value:
        if old.value == key:
            return text[: old.start_mark.index] + written.lstrip() + text[_end(text, there) :]
    return _after(text, parent, written, blank_line=not above)


def append(text: str, where: Where, item: object) -> str:
    """The text with one more item at the end of the list at `where`, which is made where there is none."""
    there = _find(_compose(text), where)
    if _is_empty(there):
        return put(text, where, [item])
    if not isinstance(there, yaml.SequenceNode):
        raise BadInput(f"{'.'.join(map(str, where))} is no list")
    return _after(text, there, _written([item], there))


# ---------------------------------------------------------------- how a file is changed


@contextlib.contextmanager
def _alone_at(file: Path) -> Iterator[None]:
    """Wait until nobody else edits in the file's folder; the lock ends with its process."""
    try:
        folder = os.open(file.resolve().parent, os.O_RDONLY)
    except OSError:  # Whoever reads the file then says what is wrong.
        yield
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: Path, text: str) -> None:
    """In place of the file, where a link leads to it too, and with the rights that it has."""
    there = file.resolve()
    try:
        files.write(there, text.encode(), mode=stat.S_IMODE(there.stat().st_mode))
    except OSError as error:
        raise Unavailable(
            f"{file.name} cannot be written: {error.strerror}", where=str(file), todo="it was not changed"
        ) from None


# ---------------------------------------------------------------- where things stand


def _compose(text: str) -> yaml.Node | None:
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
        raise BadInput("a file with YAML aliases (*name) is for people to edit")
    root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return root


def _find(node: yaml.Node | None, where: Where) -> yaml.Node | None:
    for key in where:
        if isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
        else:
            return None
    return node


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or not node.value or node.tag == "tag:yaml.org,2002:null"


def _end(text: str, node: yaml.Node) -> int:
    """Where the last thing that can be seen of a node ends; YAML lets a block end where the next begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return len(text[: node.end_mark.index].rstrip())


def _after(text: str, node: yaml.CollectionNode, written: str, *, blank_line: bool = False) -> str:
    """The text with one more entry behind the last one of a mapping or list."""
    last = node.value[-1]
    end = _end(text, last[1] if isinstance(last, tuple) else last)
    if node.flow_style:
        return f"{text[:end]}, {written}{text[end:]}"
    # A remark behind the last entry stays with it.
    end = text.find("\n", end) if "\n" in text[end:] else len(text)
    return text[:end] + ("\n\n" if blank_line else "\n") + written + (text[end:] or "\n")


# ---------------------------------------------------------------- how things are written


class _Dumper(yaml.SafeDumper):
    """Writes as people write these files: lists stand in from their key, plain words on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    plain = dumper.resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"
    style = None if plain and not text.isdigit() else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: Any, items: list[Any]) -> yaml.SequenceNode:
    words = not any(isinstance(item, dict | list) for item in items)
    node: yaml.SequenceNode = dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=words)
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def _written(value: object, into: yaml.CollectionNode) -> str:
    """A mapping of one key, or a list of one item, as an entry of the collection `into`."""
    dumper: Any = _Dumper(StringIO(), default_flow_style=False, sort_keys=False)
    node = dumper.represent_data(value)
    node.flow_style = into.flow_style
    text: str = yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=10_000).rstrip("\n")
    return text[1:-1] if into.flow_style else textwrap.indent(text, " " * into.start_mark.column)
