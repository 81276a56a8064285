"""What CloudFormation does to a resource that changes: updates it where it is, or makes another in its place.

By the resource types' schemas, which name the properties that only a creation sets; cfn-lint brings them:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

Resource = Mapping[str, Any]
Resources = Mapping[str, Resource]
Fate = Literal["create", "update", "replace", "may replace", "delete"]
# Where all types are.
REGION = "us-east-1"


def fates(before: Resources, after: Resources) -> dict[str, Fate]:
    """What becomes of each resource that does not stay as it is.

    One that refers in such a property to another which is made anew may be replaced too, though its own text
    is the same. A value that only CloudFormation knows may come out as before.
    """
    found = {
        name: fate
        for name in sorted({*before, *after})
        if (fate := _fate(before.get(name), after.get(name))) is not None
    }
    while more := set(_dragged(after, found)):
        found |= dict.fromkeys(more, "may replace")
    return found


def _fate(before: Resource | None, after: Resource | None) -> Fate | None:
    if before == after:
        return None
    if before is None or after is None:
        return "create" if before is None else "delete"
    if before["Type"] != after["Type"]:
        return "replace"
    old, new = before.get("Properties", {}), after.get("Properties", {})
    if old == new:
        return "update"
    schema = _schema(after["Type"])
    if schema is None:
        return "may replace"
    changed = [
        (was, will_be)
        for path in schema.get("createOnlyProperties", ())
        if (was := _at(old, path)) != (will_be := _at(new, path))
    ]
    if any(not _is_computed(one) for one in changed):
        return "replace"
    conditional = schema.get("conditionalCreateOnlyProperties", ())
    if changed or any(_at(old, path) != _at(new, path) for path in conditional):
        return "may replace"
    return "update"


def _dragged(resources: Resources, found: Mapping[str, Fate]) -> Iterator[str]:
    anew = {name for name, fate in found.items() if fate in ("replace", "may replace")}
    for name, one in resources.items() if anew else ():
        schema = _schema(one["Type"]) if found.get(name, "update") == "update" else None
        only = (schema or {}).get("createOnlyProperties", ())
        if any(anew & set(_references(_at(one.get("Properties", {}), path))) for path in only):
            yield name


@cache
def _schema(type_: str) -> Mapping[str, Any] | None:
    """The schema of a resource type; None where there is none, as of one that decides by itself."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

    if type_.startswith("Custom::") or type_ == "AWS::CloudFormation::CustomResource":
        return None
    try:
        found: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    except ResourceNotFoundError:
        return None
    return found


def _at(properties: Any, path: str) -> list[Any]:
    """The values at a schema's path, such as `/properties/Rules/*/Name`; a computed one counts as a whole."""
    found = [properties]
    for key in path.split("/")[2:]:
        found = [value for one in found for value in _step(one, key)]
    return found


def _step(value: Any, key: str) -> Iterator[Any]:
    if _intrinsic(value):
        yield value
    elif isinstance(value, list):
        yield from value if key == "*" else (deep for one in value for deep in _step(one, key))
    elif isinstance(value, dict) and key == "*":
        yield from value.values()
    elif isinstance(value, dict) and key in value:
        yield value[key]


def _intrinsic(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (key,) = value
    return key == "Ref" or str(key).startswith("Fn::")


def _is_computed(sides: tuple[list[Any], list[Any]]) -> bool:
    """Whether a side holds something that CloudFormation computes, so that both may come out the same."""
    return any(_holds_intrinsic(side) for side in sides)


def _holds_intrinsic(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_intrinsic, value))
    if isinstance(value, dict):
        return _intrinsic(value) or any(map(_holds_intrinsic, value.values()))
    return False


def _references(value: Any) -> Iterator[str]:
    """The resources that a value refers to by Ref, Fn::GetAtt or Fn::Sub, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0] if isinstance(inner, list) else str(inner).partition(".")[0])
            elif key == "Fn::Sub":
                text, *names = inner if isinstance(inner, list) else [inner]
                yield from re.findall(r"\$\{(\w+)", text)
                yield from _references(names)
            else:
                yield from _references(inner)
