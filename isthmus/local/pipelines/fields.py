"""One opened mapping of a pipeline (a stage, a job, a step, ...) and typed access to its keys.

Also lists of such mappings, in which `template:` items are replaced by what their files hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Mapping, Place, Scalar, Sequence, broken
from isthmus.local.pipelines.parameters import bind, bind_untyped
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.templating import Entry, Part, expand, mapping, sequence, settle
from isthmus.local.pipelines.values import Value

TRUE = frozenset({"true", "y", "yes", "on"})
FALSE = frozenset({"false", "n", "no", "off"})
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Fields:
    """The entries of a mapping, and the scope that templates within it inherit."""

    entries: dict[str, Entry]
    at: Place
    base: Scope

    @classmethod
    def open(cls, part: Part, base: Scope) -> Fields:
        scope = part.scope or base
        return cls({key.text: (key, value) for key, value in mapping(part)}, part.at, scope)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def allow(self, what: str, keys: Collection[str]) -> None:
        """Refuse every key that is not one of `keys`."""
        notes = Notes()
        for key in self.entries:
            if key not in keys:
                notes.note(broken(f"unknown key {key!r} in {what}{did_you_mean(key, keys)}", self.place(key)))
        notes.settle()

    def place(self, key: str) -> Place:
        return self.entries[key][0].at if key in self.entries else self.at

    def part(self, key: str) -> Part:
        return self.entries[key][1] if key in self.entries else Part(Scalar("", self.at), None)

    def text(self, key: str, default: str = "") -> str:
        """A scalar, or the default where the key is missing or empty."""
        node = settle(self.part(key)).node
        if not isinstance(node, Scalar):
            raise broken(f"`{key}` is text, not a {_kind(node)}", self.place(key))
        return node.text if node.text.strip() else default

    def flag(self, key: str, default: bool) -> bool:
        text = self.text(key, str(default)).lower()
        if text not in TRUE | FALSE:
            raise broken(f"`{key}` is true or false, not {text!r}", self.place(key))
        return text in TRUE

    def truth(self, key: str, default: str) -> str:
        """`true` or `false`, or text with `$(..)` or `$[..]` that becomes it."""
        text = self.text(key, default)
        if "$" in text:
            return text
        if text.lower() not in TRUE | FALSE:
            raise broken(f"`{key}` is true or false, not {text!r}", self.place(key))
        return "true" if text.lower() in TRUE else "false"

    def identifier(self, key: str) -> str:
        """A name that expressions can use, or nothing."""
        text = self.text(key)
        if text and not IDENTIFIER.fullmatch(text):
            raise broken(
                f"the name {text!r} of a {key} is not valid",
                self.place(key),
                "use letters, digits and '_', and do not begin with a digit",
            )
        return text

    def names(self, key: str) -> tuple[str, ...]:
        """A name, or a list of names."""
        part = settle(self.part(key))
        if isinstance(part.node, Scalar):
            return (part.node.text,) if part.node.text else ()
        found = [expand(item) for item in sequence(part)]
        return tuple(item.text for item in found if isinstance(item, Scalar))

    def pairs(self, key: str) -> dict[str, str]:
        """A mapping of text to text."""
        return {name: one.text for name, one in self.scalars(key).items()}

    def scalars(self, key: str) -> dict[str, Scalar]:
        found = {}
        for name, part in mapping(self.part(key)):
            node = expand(part)
            if not isinstance(node, Scalar):
                raise broken(f"{name.text!r} in `{key}` is text, not a {_kind(node)}", name.at)
            found[name.text] = Scalar(node.text, name.at)
        return found


OtherForm: TypeAlias = Callable[[Part, Scope], Iterable[Fields] | None]


def opened(
    part: Part,
    base: Scope,
    library: Library,
    keyword: str,
    other_form: OtherForm = lambda part, base: None,
) -> Iterator[Fields]:
    """The items of `steps`, `jobs`, `stages` or `variables`, those of templates in their places.

    `other_form` reads what need not be a list, and gives None for a list.
    """
    written_otherwise = other_form(part, base)
    if written_otherwise is not None:
        yield from written_otherwise
        return
    for item in sequence(part):
        with library.notes.noting():
            yield from _opened(item, base, library, keyword, other_form)


def _opened(
    item: Part, base: Scope, library: Library, keyword: str, other_form: OtherForm
) -> Iterator[Fields]:
    if not isinstance(settle(item).node, Mapping):
        raise broken(f"an item of `{keyword}` is a mapping, `- key: value`", item.at)
    fields = Fields.open(item, base)
    if "template" not in fields:
        yield fields
        return
    template, scope = included(fields, library, keyword)
    with library.within():
        yield from opened(template.part(keyword), scope, library, keyword, other_form)


def included(fields: Fields, library: Library, keyword: str) -> tuple[Fields, Scope]:
    """The file that a `template:` item names, opened with the item's parameters bound.

    It must have the key `keyword`; empty for any.
    """
    fields.allow("a template reference", ("template", "parameters"))
    reference = settle(fields.part("template")).node
    if not isinstance(reference, Scalar):
        raise broken("`template` is the path of a file", fields.place("template"))
    root, parameters = library.template(Scalar(reference.text, fields.entries["template"][1].at))
    arguments = {name.text: expand(value) for name, value in mapping(fields.part("parameters"))}
    untyped = parameters is None
    values = bind_untyped(root, arguments) if untyped else bind(parameters or [], arguments, fields.at)
    scope = template_scope(values, fields.base)
    template = Fields.open(Part(_without_parameters(root), scope), scope)
    if keyword and keyword not in template:
        found = ", ".join(template.entries) or "nothing"
        raise broken(f"the template {reference.text!r} has no `{keyword}`, but {found}", fields.at)
    return template, scope


def template_scope(parameters: dict[str, Value], outer: Scope) -> Scope:
    """What a template sees: its own parameters, and the variables around it."""
    kept = {name: outer.contexts.get(name) for name in ("variables", "resources")}
    return Scope({"parameters": parameters, **kept}, budget=outer.budget)


def seeing(part: Part, scope: Scope) -> Part:
    """The part, with the variables of a scope that was opened after it."""
    if part.scope is None:
        return part
    return Part(part.node, part.scope.with_context("variables", scope.contexts.get("variables")))


def _without_parameters(root: Mapping) -> Mapping:
    return Mapping(tuple(entry for entry in root.entries if entry[0].text != "parameters"), root.at)


def _kind(node: object) -> str:
    return "list" if isinstance(node, Sequence) else "mapping"
