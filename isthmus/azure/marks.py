"""The marks of what apply made, kept as properties of the project: most kinds have no place for one.

A mark is put before a thing is made, and gets the thing's id after: so what an interrupted apply made is
known. What is marked may be changed and removed; what is not, apply did not make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from isthmus.azure import policies
from isthmus.azure.present import Present, translated
from isthmus.azure.resources import CALLED, GUARDED, Kind, Wanted

PREFIX = "Isthmus"
# In place of an id, of what is not made yet: no property is empty.
MAKING = "making"


@dataclass(frozen=True)
class Mark:
    """That `platform` made, or is about to make, the thing of that name; `id` once it was made."""

    platform: str
    kind: Kind
    name: str
    id: str = ""

    @property
    def key(self) -> str:
        """The name of the project's property."""
        return f"{PREFIX}.{self.platform}.{self.kind}.{self.name}"

    @property
    def thing(self) -> str:
        """What people call it."""
        if self.kind == "policy":
            return f"branch policy on {policies.said(self.name)}"
        return f"{CALLED.get(GUARDED.get(self.kind, ''), self.kind)} {self.name}"


def read(present: Present) -> list[Mark]:
    """All marks in the project, of every platform; none where there is no project."""
    named = [(name.split(".", 3), value) for name, value in present.properties(f"{PREFIX}.*").items()]
    return [
        Mark(platform, cast(Kind, kind), name, "" if key == MAKING else str(key))
        for (_, platform, kind, name), key in named
    ]


def put(present: Present, marks: Iterable[Mark]) -> None:
    _patch(present, [{"op": "add", "path": f"/{one.key}", "value": one.id or MAKING} for one in marks])


def erase(present: Present, marks: Iterable[Mark]) -> None:
    _patch(present, [{"op": "remove", "path": f"/{one.key}"} for one in marks])


def _patch(present: Present, operations: list[dict[str, str]]) -> None:
    if operations:
        with translated():
            present.clients.get_core_client().set_project_properties(present.project(), operations)
        present.forget()


def settle(present: Present, platform: str, want: Wanted) -> None:
    """Give each mark that was put before its thing was made the thing's id."""
    ids = {(one.kind, one.name): one.id for one in found(present, platform, want)}
    open_ = [one for one in read(present) if one.platform == platform and not one.id]
    put(present, [replace(one, id=ids[key]) for one in open_ if (key := (one.kind, one.name)) in ids])


def wanted(want: Wanted) -> Iterator[tuple[Kind, str]]:
    """The kind and name of all that is wanted and marked."""
    named: dict[Kind, Iterable[str]] = {
        "repository": [one.name for one in want.repositories],
        "pipeline": [one.name for one in want.pipelines],
        "environment": [one.name for one in want.environments],
        "connection": [one.name for one in want.connections],
        "variablegroup": [one.name for one in want.variable_groups],
        "policy": [policies.name(one) for one in want.policies],
    }
    yield from ((kind, name) for kind, names in named.items() for name in names)


def found(present: Present, platform: str, want: Wanted) -> Iterator[Mark]:
    """What is wanted and there, marked or not: as its mark would be."""
    for kind, name in wanted(want):
        if kind == "pipeline":
            # The one of its name that is ours: other folders may have more.
            if number := present.pipeline(name):
                yield Mark(platform, kind, name, str(number))
        elif kind != "policy":
            for one in present.every(kind):
                if one.name == name:
                    yield Mark(platform, kind, name, str(one.id))
    for policy in want.policies:
        for one in present.every("policy"):
            if policies.is_same(policy, one, present):
                yield Mark(platform, "policy", policies.name(policy), str(one.id))
