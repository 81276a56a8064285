"""Microsoft's descriptions of Azure DevOps' REST API, patched where they are known to differ from the wire.

Lists are `{count, value}`, errors have one shape, `templateParameters` are strings, checks have settings, the
item of a change is an object, a secret has no value, a project's property has any, a JSON patch is a list, an
artifact may be asked for as a zip, commits by page, and a build's timeline without its id.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
# Queries that Microsoft's recordings, or the links in answers of Azure DevOps, have and no description.
ASKED_TOO = {
    "/git/repositories/{repositoryId}/commits?": ("$skip", "$top"),
    "/artifacts?artifactName={artifactName}": ("$format",),
}


def document(folder: Path, name: str) -> dict[str, Any]:
    """The description of that name (`build`, `git`, ...), as Swagger 2.0."""
    return _patched(json.loads((folder / f"{name}.json").read_text("utf-8-sig")))


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
    # Where several operations have one path, all but one of them stand apart.
    paths = document["paths"] | document.pop("x-ms-paths", {})
    document["paths"] = paths
    for end, names in ASKED_TOO.items():
        for path in (path for path in paths if path.endswith(end)):
            more = [{"in": "query", "name": name, "type": "string"} for name in names]
            paths[path]["get"]["parameters"] += more
    for path in [path for path in paths if path.endswith("/timeline/{timelineId}")]:
        paths.setdefault(path.removesuffix("/{timelineId}"), paths[path])
    for methods in paths.values():
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
