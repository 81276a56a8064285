"""Requests and answers of Azure DevOps against Microsoft's description of its REST API (`azure_documents`).

What no description has stands in `undescribed`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from jsonschema_rs import Draft4Validator

from tests.contract import undescribed
from tests.contract.azure_documents import ERROR, FILES, document

_FAULT = Draft4Validator(ERROR)
# What a part of a path is, where it may be more than one segment.
PARTS = {"{tag}": ".+"}
# Looser than the validator's own: Microsoft's moments may have seven decimals and no zone.
FORMATS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z").match,
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").match,
}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they went over the wire."""

    method: str
    url: str
    sent: bytes
    status: int
    content_type: str
    received: bytes

    @classmethod
    def of(cls, response: requests.Response) -> Exchange:
        request = response.request
        body = request.body or b""
        return cls(
            str(request.method),
            str(request.url),
            body.encode() if isinstance(body, str) else bytes(body),
            response.status_code,
            response.headers.get("Content-Type", ""),
            response.content,
        )


@dataclass(frozen=True)
class Operation:
    id: str
    file: str
    method: str
    pattern: re.Pattern[str]
    literals: int
    body: dict[str, Any] | None
    told_by: frozenset[str]
    query: frozenset[str]
    preview: bool
    answers: dict[str, dict[str, Any] | None] = field(hash=False)


class Swagger:
    """All of Microsoft's descriptions, in one look-up by method and path."""

    def __init__(self, folder: Path) -> None:
        self._documents = {name: document(folder, name) for name in FILES}
        self._found: dict[tuple[str, str], list[Operation]] = {}
        self._validators: dict[int, Draft4Validator] = {}
        self.operations = [
            operation
            for name, document in self._documents.items()
            for operation in _operations(name, document)
        ]

    def find(self, method: str, url: str) -> Operation | None:
        """The operation of a request: of several, those with the most literal path.

        Of several with that path, the one whose path names most of the query, such as `items?path={path}`.
        """
        split = urlsplit(url)
        path = unquote(split.path)
        if (method, path) not in self._found:
            self._found[method, path] = self._alike(method, path)
        named = _query(split.query).keys()
        fitting = [one for one in self._found[method, path] if one.told_by <= named]
        return max(fitting, key=lambda one: len(one.told_by), default=None)

    def _alike(self, method: str, path: str) -> list[Operation]:
        found = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        most = max((one.literals for one in found), default=0)
        alike = [one for one in found if one.literals == most]
        return [replace(one, query=frozenset().union(*(each.query for each in alike))) for one in alike]

    def problems(self, exchange: Exchange) -> list[str]:
        """What in the exchange is not as described, or is described nowhere and not listed as that."""
        where = f"{exchange.method} {urlsplit(exchange.url).path}"
        answered = f"{where} answered {exchange.status}"
        if exchange.status >= 400:
            return _check(_FAULT, exchange.received, answered)
        operation = self.find(exchange.method, exchange.url)
        if operation is None:
            known = undescribed.find(exchange.method, exchange.url)
            return [] if known else [f"{where}: Microsoft's description has no such operation"]
        return [
            *_asked(operation, exchange.url, where),
            *self._sent(operation, exchange.sent, f"{where} sent"),
            *self._answer(operation, exchange, answered),
        ]

    def _sent(self, operation: Operation, content: bytes, where: str) -> list[str]:
        if not content or operation.body is None:
            return []
        return _check(self._validator(operation, operation.body, sent=True), content, where)

    def _answer(self, operation: Operation, exchange: Exchange, where: str) -> list[str]:
        if exchange.status == 203:
            return []
        if str(exchange.status) not in operation.answers:
            return [f"{where}: {operation.id} declares {sorted(operation.answers)}"]
        schema = operation.answers[str(exchange.status)]
        if schema is None:
            return (
                [f"{where}: nothing is declared, found {exchange.received[:80]!r}"]
                if exchange.received
                else []
            )
        if not exchange.content_type.startswith("application/json") or _is_stream(schema):
            return []
        return _check(self._validator(operation, schema), exchange.received, where)

    def _validator(
        self, operation: Operation, schema: dict[str, Any], *, sent: bool = False
    ) -> Draft4Validator:
        """Kept: making one takes longer than using it."""
        if id(schema) not in self._validators:
            whole = schema | {"definitions": self._documents[operation.file]["definitions"]}
            self._validators[id(schema)] = _validator(_leniently(whole) if sent else whole)
        return self._validators[id(schema)]


def _validator(schema: dict[str, Any]) -> Draft4Validator:
    formats = {name: lambda value, fits=fits: fits(value) is not None for name, fits in FORMATS.items()}
    return Draft4Validator(schema, formats=formats, validate_formats=True)


def _leniently(schema: Any) -> Any:
    """The schema of what is sent: an enumeration's words in any case, as Microsoft recorded them, or numbers.

    Microsoft's client for Node sends numbers.
    """
    if isinstance(schema, list):
        return [_leniently(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-ms-enum" in schema:
        words = "|".join(re.escape(one) for one in schema["enum"])
        return {"anyOf": [{"type": "string", "pattern": f"^(?i:{words})$"}, {"type": "integer"}]}
    return {key: _leniently(value) for key, value in schema.items()}


def _check(validator: Draft4Validator, content: bytes, where: str) -> list[str]:
    try:
        errors = list(validator.iter_errors(json.loads(content)))
    except ValueError:
        return [f"{where}: not JSON: {content[:80]!r}"]
    return [f"{where}: {'.'.join(map(str, one.instance_path))}: {one.message[:300]}" for one in errors]


def _asked(operation: Operation, url: str, where: str) -> list[str]:
    """A query of names that are not described, or of a version that Azure DevOps refuses."""
    query = _query(urlsplit(url).query)
    found = [f"{where} asked: {name} is not described" for name in sorted(query.keys() - operation.query)]
    version = query.get("api-version", "")
    if version and operation.preview and "-preview" not in version:
        found.append(f"{where} asked: api-version {version} of what is a preview")
    return found


def _query(query: str) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}


@cache
def swagger(folder: Path) -> Swagger:
    return Swagger(folder)


def _operations(name: str, document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        segments = re.split(r"(\{[^}]*\})", path.partition("?")[0].rstrip("/"))
        pattern = "".join(
            PARTS.get(part, "[^/]+") if part.startswith("{") else re.escape(part) for part in segments
        )
        if name == "git":
            # As Microsoft's own recordings ask: a repository's id is enough.
            pattern = pattern.replace("/[^/]+/[^/]+/_apis", "/[^/]+(/[^/]+)?/_apis", 1)
        literals = sum(len(part) for part in segments if not part.startswith("{"))
        for method, described in methods.items():
            if method == "parameters":
                continue
            parameters = [
                document["parameters"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
                for one in described["parameters"]
            ]
            body = next((one for one in parameters if one["in"] == "body"), None)
            yield Operation(
                described["operationId"],
                name,
                method.upper(),
                re.compile(pattern, re.IGNORECASE),
                literals,
                body["schema"] if body else None,
                frozenset(name.lower() for name in re.findall(r"[?&]([^=&]+)=", path)),
                frozenset(one["name"].lower() for one in parameters if one["in"] == "query"),
                any(one["name"] == "api-version" and "-preview" in one["description"] for one in parameters),
                {code: answer.get("schema") for code, answer in described["responses"].items()},
            )


def _is_stream(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string"
