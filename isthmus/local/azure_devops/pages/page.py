"""What a page is made of: the request for it, and a template with what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.store import Document


@dataclass(frozen=True)
class Page:
    """`trail` leads to it (name and address, outermost first); `is_live` has it load again by itself."""

    template: str
    title: str
    trail: tuple[tuple[str, str], ...]
    shown: Mapping[str, Any]
    is_live: bool = False


@dataclass(frozen=True)
class Asked:
    """A request for a page; `path` and `query` are the address's."""

    organization: Organization
    path: Mapping[str, str | None]
    query: Mapping[str, str]

    @cached_property
    def project(self) -> Document:
        return self.organization.project(self.path["project"] or "")

    @property
    def base(self) -> str:
        """The project's address."""
        return f"/{self.organization.settings.organization}/{quote(self.project['name'])}"

    @property
    def trail(self) -> tuple[tuple[str, str], ...]:
        name = self.organization.settings.organization
        return ((name, f"/{name}"), (self.project["name"], self.base))

    def run(self) -> Document:
        """The run that the query names by `buildId`."""
        number = self.query.get("buildid", "")
        found = self.organization.runs.get(number)
        if found is None or found["project"] != self.project["id"]:
            raise not_found(f"There is no run {number or 'without a number'} in {self.project['name']}.")
        return found

    def repository(self) -> Document:
        return self.organization.repository(self.path["repository"] or "", self.project)
