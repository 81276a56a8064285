"""Resources of the API: their routes, and their rows in the table of locations that clients ask for.

A route template is Microsoft's: `{project}` may be left out where a client does, and the last parameter is
left out for the collection. Names in paths do not know case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from isthmus.local.azure_devops.call import Call

Handler = Callable[[Call], "Any | Awaitable[Any]"]


@dataclass(frozen=True)
class Resource:
    """One resource: its id and template are what Microsoft's clients look for.

    `item` answers the whole template, `collection` the template without its last parameter.
    """

    id: str
    area: str
    name: str
    template: str
    version: int = 1
    collection: Mapping[str, Handler] = field(default_factory=dict)
    item: Mapping[str, Handler] = field(default_factory=dict)

    @property
    def location(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "area": self.area,
            "resourceName": self.name,
            "routeTemplate": self.template,
            "resourceVersion": self.version,
            "minVersion": "1.0",
            "maxVersion": "7.2",
            "releasedVersion": "7.1",
        }


@dataclass(frozen=True)
class Found:
    """Where a path leads: its handlers by method, and its parameters."""

    handlers: Mapping[str, Handler]
    path: dict[str, str]


@dataclass(frozen=True)
class _Route:
    segments: tuple[str, ...]
    handlers: Mapping[str, Handler]
    rest: bool


class Router:
    """Finds the handlers of a path by the number and the first of its segments."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = list(resources)
        self._routes: dict[str, list[_Route]] = {}
        for resource in self.resources:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        _, _, inner = resource.template.partition("_apis/")
        segments = tuple(part if part[0] == "{" else part.lower() for part in inner.split("/"))
        routes = self._routes.setdefault(segments[0], [])
        if resource.item:
            routes.append(_Route(segments, resource.item, segments[-1].startswith("{*")))
        if resource.collection:
            shorter = segments[:-1] if segments[-1].startswith("{") else segments
            routes.append(_Route(shorter, resource.collection, False))

    def find(self, inner: str) -> Found | None:
        """The route of what follows `_apis/`, literal segments before parameters; None when there is none."""
        given = [part for part in inner.split("/") if part]
        best: tuple[int, Found] | None = None
        for route in self._routes.get(given[0].lower() if given else "", ()):
            path = _match(route, given)
            if path is not None and (best is None or len(path) < best[0]):
                best = len(path), Found(route.handlers, path)
        return best[1] if best else None


def _match(route: _Route, given: list[str]) -> dict[str, str] | None:
    if route.rest and len(given) > len(route.segments):
        last = len(route.segments) - 1
        given = [*given[:last], "/".join(given[last:])]
    if len(given) != len(route.segments):
        return None
    path: dict[str, str] = {}
    for expected, part in zip(route.segments, given, strict=True):
        if expected[0] == "{":
            path[expected.strip("{*}")] = part
        elif expected != part.lower():
            return None
    return path
