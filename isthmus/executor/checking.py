"""Each step of a definition against the API call it becomes, as CreatePipeline judges it, in AWS's words.

Beyond form: the types of what references yield, patterns and bounds, for the kinds of steps that run here.
What a person who writes pipeline.py should read, with the nearest spelling, is `isthmus.build.validate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from isthmus.executor import caching, shapes
from isthmus.executor.definition import Definition, Step
from isthmus.executor.references import Reference, Unresolved, is_placeholder, parse, references
from isthmus.executor.refusals import ApiError, invalid


class StepCall(NamedTuple):
    """The calls a step of some type becomes, and the member that names what it makes."""

    create: str
    describe: str
    name: str | None


CALLS = {
    "Processing": StepCall("CreateProcessingJob", "DescribeProcessingJob", "ProcessingJobName"),
    "Training": StepCall("CreateTrainingJob", "DescribeTrainingJob", "TrainingJobName"),
    "Transform": StepCall("CreateTransformJob", "DescribeTransformJob", "TransformJobName"),
    "RegisterModel": StepCall("CreateModelPackage", "DescribeModelPackage", None),
    "Model": StepCall("CreateModel", "DescribeModel", "ModelName"),
}
_KINDS = {"Integer": "integer", "Float": "float", "Boolean": "boolean", "String": "string"}
_FITS = {
    "string": ("string", "timestamp", "blob"),
    "integer": ("integer", "long", "float", "double"),
    "long": ("integer", "long", "float", "double"),
    "float": ("float", "double"),
    "double": ("float", "double"),
    "boolean": ("boolean",),
    "timestamp": ("string", "timestamp"),
}


class Misfit(Exception):
    """A placeholder whose value could never stand where it stands."""


def check(definition: Definition) -> None:
    """Raise a ValidationException that names the step and the argument that its API call would refuse."""
    problems = [problem for step in definition.steps.values() for problem in _problems(step, definition)]
    if problems:
        raise invalid(f"Unable to parse pipeline definition. {'; '.join(problems)}.")


def _problems(step: Step, definition: Definition) -> Iterator[str]:
    try:
        yield from _property_problems(step, definition)
        if step.cache.get("Enabled"):
            caching.seconds(step.cache.get("ExpireAfter"))
        if step.type == "Fail" and "ErrorMessage" not in step.arguments:
            yield f"step '{step.name}' lacks ErrorMessage"
        if step.type in CALLS:
            _check_call(step, definition)
    except (ApiError, Misfit, Unresolved, ValueError) as error:
        yield f"step '{step.name}': {error}"


def _check_call(step: Step, definition: Definition) -> None:
    call = CALLS[step.type]
    shape: Any = shapes.operation(call.create).input_shape
    arguments = dict(step.arguments)
    if call.name:
        arguments.setdefault(call.name, shapes.Unknown("name"))
    shapes.check_shape(_filled(arguments, shape, definition, "Arguments"), shape)


def _filled(value: Any, shape: Any, definition: Definition, where: str) -> Any:
    """`value` with a typed dummy in place of each placeholder."""
    if is_placeholder(value):
        return _dummy_for(value, shape, definition, where)
    if isinstance(value, dict) and shape.type_name == "structure":
        return {
            key: _filled(item, shape.members[key], definition, f"{where}.{key}")
            if key in shape.members
            else item
            for key, item in value.items()
        }
    if isinstance(value, dict) and shape.type_name == "map":
        return {key: _filled(item, shape.value, definition, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_filled(item, shape.member, definition, f"{where}[{at}]") for at, item in enumerate(value)]
    return value


def _dummy_for(value: dict[str, Any], shape: Any, definition: Definition, where: str) -> Any:
    kind = _kind(value, definition)
    if kind is not None and kind != shape.type_name and shape.type_name not in _FITS.get(kind, ()):
        shown = value.get("Get", next(iter(value)))
        raise Misfit(f"{where}: {shown} is of type {kind}, and {shape.type_name} is expected")
    return _dummy(shape)


def _dummy(shape: Any) -> Any:
    low = shape.metadata.get("min", 0)
    if shape.type_name == "string":
        return shapes.Unknown("x" * max(int(low), 1))
    if shape.type_name in ("integer", "long"):
        return int(low)
    if shape.type_name in ("float", "double"):
        return float(low)
    if shape.type_name == "list":
        return [_dummy(shape.member)] * max(int(low), 1)
    if shape.type_name == "structure":
        return {name: _dummy(shape.members[name]) for name in shape.required_members}
    return {"boolean": True, "timestamp": 0, "blob": b"", "map": {}}[shape.type_name]


def _kind(value: dict[str, Any], definition: Definition) -> str | None:
    """The type of a placeholder's value; None where only the run will tell."""
    if "Std:Join" in value:
        return "string"
    if "Get" not in value:
        return None
    reference = parse(value["Get"])
    if reference.root == "Parameters":
        return _KINDS[definition.parameters[reference.name].type]
    if reference.root == "Execution":
        return "string"
    leaf = _property(reference, definition)
    return None if leaf is None else str(leaf.type_name)


def _property_problems(step: Step, definition: Definition) -> Iterator[str]:
    for reference in references(step.evaluated):
        if reference.root == "Steps":
            yield from _reference_problems(step, reference, definition)


def _reference_problems(step: Step, reference: Reference, definition: Definition) -> Iterator[str]:
    if reference.path[:1] == ("PropertyFiles",):
        known = [one["PropertyFileName"] for one in definition.steps[reference.name].property_files]
        if reference.path[-1] not in known:
            name = reference.path[-1]
            yield f"step '{step.name}' reads property file {name!r}, which '{reference.name}' does not have"
        return
    _property(reference, definition)


def _property(reference: Reference, definition: Definition) -> Any:
    """The shape of a step's property; None for a condition's Outcome. Raises `Unresolved` for none."""
    target = definition.steps[reference.name]
    if target.type not in CALLS:
        if target.type == "Condition" and reference.path == ("Outcome",):
            return None
        raise Unresolved(f"step '{target.name}' of type {target.type} has no properties")
    shape: Any = shapes.operation(CALLS[target.type].describe).output_shape
    for part in reference.path:
        if shape.type_name == "structure" and part in shape.members:
            shape = shape.members[part]
        elif shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map":
            shape = shape.value
        else:
            raise Unresolved(f"Steps.{reference.name} has no property {part!r}")
    return shape
