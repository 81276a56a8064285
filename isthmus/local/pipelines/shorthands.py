"""The long form of steps, jobs and stages that are passed as typed parameters, as the service passes them on.

`script:` comes to a template as `task: CmdLine@2`, so that a template which keeps tasks out keeps scripts out
too: https://learn.microsoft.com/azure/devops/pipelines/security/templates
"""

from __future__ import annotations

from isthmus.local.pipelines.expressions import Failed, check_text
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, Sequence, broken
from isthmus.local.pipelines.runtime import JOB_CONTEXTS, STATUS, STEP_CONTEXTS, runtime_expression

_SCRIPTS = {"script": "CmdLine@2", "bash": "Bash@3", "pwsh": "PowerShell@2", "powershell": "PowerShell@2"}
_INPUTS = ("failOnStderr", "workingDirectory", "errorActionPreference", "ignoreLASTEXITCODE")
_STEPS = ("step", "stepList")


def long_form(kind: str, node: Node) -> Node:
    """A parameter's value of type `kind`, with scripts as tasks and environments as mappings.

    Raises `BadInput` for a condition that is no expression.
    """
    if isinstance(node, Sequence):
        return Sequence(tuple(long_form(kind, item) for item in node.items), node.at)
    if isinstance(node, Scalar):
        return node
    _check_condition(node, STEP_CONTEXTS if kind in _STEPS else JOB_CONTEXTS)
    return _step(node) if kind in _STEPS else Mapping(tuple(map(_entry, node.entries)), node.at)


def _entry(entry: tuple[Scalar, Node]) -> tuple[Scalar, Node]:
    key, value = entry
    if key.text == "environment" and isinstance(value, Scalar):
        return key, _environment(value)
    if key.text == "steps":
        return key, long_form("stepList", value)
    if key.text == "jobs":
        return key, long_form("jobList", value)
    if key.text == "strategy" and isinstance(value, Mapping):
        return key, _hooks(value)
    return entry


def _hooks(node: Mapping) -> Mapping:
    """The strategy of a deployment, down to the steps of its hooks."""
    return Mapping(
        tuple(
            (key, long_form("stepList", value))
            if key.text == "steps"
            else (key, _hooks(value) if isinstance(value, Mapping) else value)
            for key, value in node.entries
        ),
        node.at,
    )


def _environment(name: Scalar) -> Mapping:
    environment, _, resource = name.text.partition(".")
    entries: list[tuple[Scalar, Node]] = [(_at("name", name.at), _at(environment, name.at))]
    if resource:
        entries.append((_at("resourceName", name.at), _at(resource, name.at)))
    return Mapping(tuple(entries), name.at)


def _step(step: Mapping) -> Mapping:
    first = next((key for key, _ in step.entries if key.text in _SCRIPTS), None)
    if first is None:
        return step
    inputs = [(key, value) for key, value in step.entries if key.text in _INPUTS]
    rest = [(key, value) for key, value in step.entries if key is not first and key.text not in _INPUTS]
    script = next(value for key, value in step.entries if key is first)
    named: list[tuple[Scalar, Node]] = []
    if first.text != "script":
        named.append((_at("targetType", first.at), _at("inline", first.at)))
    named.append((_at("script", first.at), script))
    if first.text == "pwsh":
        named.append((_at("pwsh", first.at), _at("true", first.at)))
    task = (_at("task", first.at), _at(_SCRIPTS[first.text], first.at))
    return Mapping((task, (_at("inputs", first.at), Mapping((*named, *inputs), first.at)), *rest), step.at)


def _at(text: str, at: Place) -> Scalar:
    return Scalar(text, at)


def _check_condition(node: Mapping, contexts: tuple[str, ...]) -> None:
    condition = node.get("condition")
    if not isinstance(condition, Scalar) or not condition.text.strip() or "${{" in condition.text:
        return
    text = runtime_expression(condition.text)
    try:
        check_text(condition.text if text is None else text, contexts, STATUS)
    except Failed as error:
        raise broken(f"the condition: {error}", condition.at) from None
