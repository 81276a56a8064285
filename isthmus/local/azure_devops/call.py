"""One request and its answer, as the handlers of the API see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isthmus.local.azure_devops.enumerations import Enumeration, word
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.store import Document

if TYPE_CHECKING:
    from isthmus.local.azure_devops.organization import Organization
    from isthmus.local.azure_devops.principals import Principal


@dataclass
class Answer:
    """What goes back, where it is not simply a document (200) or a list."""

    body: Any = None
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """A request that was signed in and routed.

    `path` holds the route's parameters, `query` the query's by lower-case name.
    """

    organization: Organization
    principal: Principal
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes
    accept: str
    base: str

    @cached_property
    def project(self) -> Document:
        """The project in the URL, by name or id."""
        name = self.path.get("project")
        if not name:
            raise not_found("A project name is required in order to perform this operation.")
        return self.organization.project(name)

    @cached_property
    def body(self) -> dict[str, Any]:
        value = self.json
        if not isinstance(value, dict):
            raise invalid("The body of the request must be a JSON object.")
        return value

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        value = self.json
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid("The body of the request must be a JSON array of objects.")
        return value

    @cached_property
    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise invalid("The body of the request is not valid JSON.") from None

    def number(self, name: str, default: int) -> int:
        """A number of the query, such as `$top`."""
        given = self.query.get(name.lower())
        if given is None or given == "":
            return default
        try:
            value = int(given)
        except ValueError:
            raise invalid(f"The value '{given}' of {name} is not a number.") from None
        if not 0 <= value < 2**31:
            raise invalid(f"The value '{given}' of {name} is out of range.")
        return value

    def flag(self, name: str) -> bool:
        return self.query.get(name.lower(), "").lower() == "true"

    def word(self, name: str, known: Enumeration, default: str = "") -> str:
        """The word of an enumeration, in lower case, also where its number came."""
        return str(word(self.query.get(name.lower()) or default, known)).lower()

    def texts(self, name: str) -> list[str]:
        """A list of the query, separated by commas; empty when it is not there."""
        return [text for text in self.query.get(name.lower(), "").split(",") if text]

    def id(self, name: str) -> int:
        """A number of the path; what is not a number is not found."""
        try:
            return int(self.path[name])
        except ValueError:
            raise Fault(400, "VssPropertyValidationException", f"{name} must be a number.") from None

    def page(self, found: list[Any], *, top: int = 1000) -> list[Any]:
        skip = self.number("$skip", 0)
        return found[skip : skip + self.number("$top", top)]


def text(
    body: Mapping[str, Any],
    name: str,
    *,
    required: bool = False,
    default: str = "",
    known: Enumeration | None = None,
) -> str:
    """A text of the body; raises 400 where it is something else, or is not there and must be.

    Of an enumeration, its word, also where its number came.
    """
    value = body.get(name)
    if known:
        value = word(value, known)
    if value is None or (required and value == ""):
        if required:
            raise invalid(f"Value cannot be null or empty. Parameter name: {name}")
        return default
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string.")
    return value


def flag(body: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A boolean of the body; raises 400 where it is something else."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false.")
    return value


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of the body; empty when it is not there."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object.")
    return value


def sequence(body: Mapping[str, Any], name: str) -> list[Any]:
    """An array of the body; empty when it is not there."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{name} must be an array.")
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = sequence(body, name)
    if not all(isinstance(item, dict) for item in found):
        raise invalid(f"{name} must be an array of objects.")
    return found
