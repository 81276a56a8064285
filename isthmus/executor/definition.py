"""A pipeline definition (schema 2020-12-01) read into steps and parameters.

Reading finds what is wrong with the form; `checking.py` compares each step with the API call it becomes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from isthmus.executor import conditions
from isthmus.executor.references import Unresolved, references
from isthmus.executor.refusals import invalid

VERSION = "2020-12-01"
STEP_TYPES = ("Processing", "Training", "Transform", "RegisterModel", "Model", "Condition", "Fail")
PARAMETER_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (float, int),
    "Boolean": (bool,),
}
EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
)


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step: `needs` are the steps that must have succeeded before it.

    `branch`, of a step in a condition's branch, is the condition's name, and the outcome that it runs for.
    """

    name: str
    type: str
    arguments: dict[str, Any]
    needs: frozenset[str]
    branch: tuple[str, bool] | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    retries: tuple[dict[str, Any], ...] = ()
    property_files: tuple[dict[str, Any], ...] = ()
    display_name: str | None = None
    description: str | None = None

    @property
    def evaluated(self) -> Any:
        """What of its arguments is evaluated when it runs: of a condition its branches are not."""
        return self.arguments.get("Conditions", []) if self.type == "Condition" else self.arguments


@dataclass(frozen=True)
class Definition:
    parameters: dict[str, Parameter]
    steps: dict[str, Step]


def read(text: str) -> Definition:
    """Read a definition's JSON text; raises a ValidationException that lists what is wrong with it."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid(f"Unable to parse pipeline definition. It is not valid JSON: {error}") from None
    return from_document(document)


def from_document(document: Any) -> Definition:
    problems = list(_form_problems(document))
    if problems:
        raise _unreadable(problems)
    steps: dict[str, Step] = {}
    try:
        for step in _steps(document["Steps"], None):
            if step.name in steps:
                problems.append(f"two steps have the name '{step.name}'")
            steps[step.name] = step
    except Unresolved as error:
        raise _unreadable([str(error)]) from None
    parameters = {one["Name"]: _parameter(one) for one in document.get("Parameters", [])}
    definition = Definition(parameters, steps)
    problems += _graph_problems(definition)
    if problems:
        raise _unreadable(problems)
    return definition


def _unreadable(problems: list[str]) -> Exception:
    return invalid(f"Unable to parse pipeline definition. {'; '.join(problems)}.")


def _parameter(raw: dict[str, Any]) -> Parameter:
    return Parameter(raw["Name"], raw["Type"], raw.get("DefaultValue"), tuple(raw.get("EnumValues", ())))


def _steps(raw: list[dict[str, Any]], branch: tuple[str, bool] | None) -> Iterator[Step]:
    """The steps in order, those of a condition's branches after it."""
    for one in raw:
        yield _step(one, branch)
        if one["Type"] == "Condition":
            yield from _steps(one["Arguments"].get("IfSteps", []), (one["Name"], True))
            yield from _steps(one["Arguments"].get("ElseSteps", []), (one["Name"], False))


def _step(raw: dict[str, Any], branch: tuple[str, bool] | None) -> Step:
    step = Step(
        name=raw["Name"],
        type=raw["Type"],
        arguments=raw.get("Arguments", {}),
        needs=frozenset(raw.get("DependsOn", [])),
        branch=branch,
        cache=raw.get("CacheConfig", {}),
        retries=tuple(raw.get("RetryPolicies", ())),
        property_files=tuple(raw.get("PropertyFiles", ())),
        display_name=raw.get("DisplayName"),
        description=raw.get("Description"),
    )
    used = {one.name for one in references(step.evaluated) if one.root == "Steps"}
    return replace(step, needs=step.needs | used)


# ---- what can be wrong with the form


def _form_problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "It is not a JSON object"
        return
    if document.get("Version") != VERSION:
        yield f"Version is {document.get('Version')!r}, and {VERSION!r} is expected"
    for index, parameter in enumerate(document.get("Parameters", [])):
        yield from _parameter_problems(parameter, f"Parameters[{index}]")
    if not isinstance(document.get("Steps"), list) or not document["Steps"]:
        yield "Steps is missing or empty"
        return
    yield from _step_list_problems(document["Steps"], "Steps")


def _parameter_problems(raw: Any, where: str) -> Iterator[str]:
    if not isinstance(raw, dict) or not isinstance(raw.get("Name"), str):
        yield f"{where} has no Name"
    elif raw.get("Type") not in PARAMETER_TYPES:
        kinds = ", ".join(PARAMETER_TYPES)
        yield f"parameter '{raw['Name']}' has type {raw.get('Type')!r}, and one of {kinds} is expected"
    else:
        values = [raw["DefaultValue"]] if raw.get("DefaultValue") is not None else []
        for value in [*values, *raw.get("EnumValues", [])]:
            if not of_type(value, raw["Type"]):
                yield f"parameter '{raw['Name']}' is a {raw['Type']}, and {value!r} is none"


def of_type(value: Any, kind: str) -> bool:
    """Whether `value` is one of a parameter's type; a boolean is no number."""
    if isinstance(value, bool):
        return kind == "Boolean"
    return isinstance(value, PARAMETER_TYPES[kind])


def _step_list_problems(raw: list[Any], where: str) -> Iterator[str]:
    for index, step in enumerate(raw):
        if not isinstance(step, dict) or not isinstance(step.get("Name"), str):
            yield f"{where}[{index}] has no Name"
        elif step.get("Type") not in STEP_TYPES:
            kinds = ", ".join(STEP_TYPES)
            yield f"step '{step['Name']}' has type {step.get('Type')!r}, and only {kinds} run here"
        elif not isinstance(step.get("Arguments", {}), dict):
            yield f"step '{step['Name']}' has Arguments that are not an object"
        elif step["Type"] == "Condition":
            yield from _condition_problems(step)


def _condition_problems(step: dict[str, Any]) -> Iterator[str]:
    arguments = step.get("Arguments", {})
    for index, one in enumerate(arguments.get("Conditions") or [None]):
        yield from conditions.problems(one, f"step '{step['Name']}' Conditions[{index}]")
    for branch in ("IfSteps", "ElseSteps"):
        yield from _step_list_problems(arguments.get(branch) or [], f"step '{step['Name']}' {branch}")


# ---- what can be wrong between steps


def _graph_problems(definition: Definition) -> list[str]:
    steps = definition.steps
    problems = [
        f"step '{step.name}' depends on step '{need}', which does not exist"
        for step in steps.values()
        for need in sorted(step.needs)
        if need not in steps
    ]
    for step in steps.values():
        problems += _reference_problems(step, definition)
    if not problems:
        problems += _cycle_problems(steps)
    return problems


def _reference_problems(step: Step, definition: Definition) -> Iterator[str]:
    for one in references(step.evaluated):
        if one.root == "Parameters" and one.name not in definition.parameters:
            yield f"step '{step.name}' refers to parameter '{one.name}', which does not exist"
        if one.root == "Execution" and one.name not in EXECUTION_VARIABLES:
            yield f"step '{step.name}' refers to Execution.{one.name}, which does not exist"


def _cycle_problems(steps: Mapping[str, Step]) -> Iterator[str]:
    graph = {
        name: step.needs | ({step.branch[0]} if step.branch else frozenset()) for name, step in steps.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"steps wait for each other: {' -> '.join(reversed(error.args[1]))}"
