"""Requests and answers of Azure DevOps against Microsoft's description of its REST API.

The description is patched where it is known to differ from the wire: lists are `{count, value}`, errors
have one shape, `templateParameters` are strings, checks have settings, the item of a change is an object, a
secret has no value, a project's property has any, and a JSON patch is a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from jsonschema import Draft4Validator, FormatChecker

FILES = (
    "core",
    "git",
    "pipelines",
    "build",
    "policy",
    "pipelinesChecks",
    "pipelinesapproval",
    "pipelinePermissions",
    "serviceEndpoint",
    "taskAgent",
    "environments-7.2",
    "task",
)
ERROR = {
    "type": "object",
    "required": ["$id", "message", "typeName", "typeKey", "errorCode", "eventId"],
    "properties": {
        "$id": {"type": "string"},
        "innerException": {"type": ["object", "null"]},
        "message": {"type": "string", "minLength": 1},
        "typeName": {"type": "string"},
        "typeKey": {"type": "string"},
        "errorCode": {"type": "integer"},
        "eventId": {"type": "integer"},
    },
}
FORMATS = FormatChecker()


@FORMATS.checks("uuid")
def _uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value)
    )


@FORMATS.checks("date-time")
def _moment(value: object) -> bool:
    return not isinstance(value, str) or bool(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value))


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
    answers: dict[str, dict[str, Any] | None] = field(hash=False)


class Swagger:
    """All of Microsoft's descriptions, in one look-up by method and path."""

    def __init__(self, folder: Path) -> None:
        self._documents = {
            name: _patched(json.loads((folder / f"{name}.json").read_text())) for name in FILES
        }
        self._found: dict[tuple[str, str], Operation | None] = {}
        self.operations = [
            operation
            for name, document in self._documents.items()
            for operation in _operations(name, document)
        ]

    def find(self, method: str, url: str) -> Operation | None:
        """The operation of a request; of several, the one with the most literal path."""
        path = unquote(urlsplit(url).path)
        if (method, path) not in self._found:
            self._found[method, path] = self._find(method, path)
        return self._found[method, path]

    def _find(self, method: str, path: str) -> Operation | None:
        found = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        return max(found, key=lambda one: one.literals, default=None)

    def problems(self, exchange: Exchange) -> list[str]:
        """What in the exchange is not as described; nothing for an operation that no file describes."""
        operation = self.find(exchange.method, exchange.url)
        if operation is None:
            return []
        where = f"{exchange.method} {urlsplit(exchange.url).path}"
        found = []
        if exchange.sent and operation.body is not None and exchange.status < 400:
            found += self._check(operation, operation.body, exchange.sent, f"{where} sent")
        return found + self._answer(operation, exchange, f"{where} answered {exchange.status}")

    def _answer(self, operation: Operation, exchange: Exchange, where: str) -> list[str]:
        if exchange.status == 203:
            return []
        if exchange.status >= 400:
            return self._check(operation, ERROR, exchange.received, where)
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
        return self._check(operation, _overloaded(schema, exchange.url), exchange.received, where)

    def _check(self, operation: Operation, schema: dict[str, Any], content: bytes, where: str) -> list[str]:
        definitions = self._documents[operation.file]["definitions"]
        validator = Draft4Validator(schema | {"definitions": definitions}, format_checker=FORMATS)
        try:
            errors = list(validator.iter_errors(json.loads(content)))
        except ValueError:
            return [f"{where}: not JSON: {content[:80]!r}"]
        return [f"{where}: {'.'.join(map(str, one.absolute_path))}: {one.message[:300]}" for one in errors]


@cache
def swagger(folder: Path) -> Swagger:
    return Swagger(folder)


def _operations(name: str, document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        segments = re.split(r"(\{[^}]*\})", path.rstrip("/"))
        pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in segments)
        literals = sum(len(part) for part in segments if not part.startswith("{"))
        for method, described in methods.items():
            if method == "parameters":
                continue
            body = next((one for one in described["parameters"] if one.get("in") == "body"), None)
            yield Operation(
                described["operationId"],
                name,
                method.upper(),
                re.compile(pattern, re.IGNORECASE),
                literals,
                body["schema"] if body else None,
                {code: answer.get("schema") for code, answer in described["responses"].items()},
            )


def _patched(document: dict[str, Any]) -> dict[str, Any]:
    definitions = document["definitions"]
    for name in ("Run", "RunPipelineParameters", "Build"):
        if name in definitions and "templateParameters" in definitions[name].get("properties", {}):
            strings = {"type": "object", "additionalProperties": {"type": "string"}}
            definitions[name]["properties"]["templateParameters"] = strings
    if "CheckConfiguration" in definitions:
        definitions["CheckConfiguration"]["properties"]["settings"] = {"type": "object"}
    if "Change" in definitions:
        # As Microsoft's own recorded pushes have it; the description makes a text of the generic type.
        definitions["Change"]["properties"]["item"] = {"type": "object"}
    for name in ("JsonPatchOperation", "ProjectProperty"):
        if name in definitions:
            # "Either a primitive or a JToken", says the same description.
            definitions[name]["properties"]["value"] = {}
    if "JsonPatchDocument" in definitions:
        operations = {"type": "array", "items": {"$ref": "#/definitions/JsonPatchOperation"}}
        definitions["JsonPatchDocument"] = operations
    if "VariableValue" in definitions:
        # A secret's value comes back as null, in Microsoft's recorded answers too.
        definitions["VariableValue"]["properties"]["value"] = {"type": ["string", "null"]}
    for methods in document["paths"].values():
        for method, described in methods.items():
            if method != "parameters":
                _patch_lists(described)
    return document


def _patch_lists(described: dict[str, Any]) -> None:
    for answer in described["responses"].values():
        schema = answer.get("schema") or {}
        if schema.get("type") == "array":
            answer["schema"] = {
                "type": "object",
                "required": ["count", "value"],
                "properties": {"count": {"type": "integer"}, "value": schema},
            }


def _is_stream(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string"


def _overloaded(schema: dict[str, Any], url: str) -> dict[str, Any]:
    """One thing by name (`?path=`, `?name=`, `?artifactName=`) is described beside the list of all."""
    query = urlsplit(url).query
    one = re.search(r"(^|&)(path|name|artifactName)=", query)
    if one and "value" in schema.get("properties", {}) and re.search(r"/(items|branches|artifacts)\?", url):
        items: dict[str, Any] = schema["properties"]["value"]["items"]
        return items
    return schema
