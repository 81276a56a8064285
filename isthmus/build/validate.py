"""A pipeline definition against the API calls that its steps become, by botocore's own service model.

Pipeline variables (`Get`, `Std:*`) become typed dummies, then each step's Arguments are checked as the
request of its call: members, types, required ones, enumerations. What it refers to must exist.

For who writes pipeline.py: every kind of step that SageMaker has, all that is wrong at once, the nearest
spelling. What the service itself would answer, in its own words, is `isthmus.executor.checking`'s to say;
both ask one service model.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isthmus.build import outputs
from isthmus.errors import BadInput, did_you_mean

# The call that a step of each type becomes, and the members that the service itself fills in.
CALLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Processing": ("CreateProcessingJob", ("ProcessingJobName",)),
    "Training": ("CreateTrainingJob", ("TrainingJobName",)),
    "Tuning": ("CreateHyperParameterTuningJob", ("HyperParameterTuningJobName",)),
    "Transform": ("CreateTransformJob", ("TransformJobName",)),
    "AutoML": ("CreateAutoMLJobV2", ("AutoMLJobName",)),
    "Model": ("CreateModel", ("ModelName",)),
    "RegisterModel": ("CreateModelPackage", ()),
}
NO_CALL = [
    "Condition",
    "Fail",
    "Lambda",
    "Callback",
    "EMR",
    "EMRServerless",
    "NotebookJob",
    "QualityCheck",
    "ClarifyCheck",
]
Step = Mapping[str, Any]
NAME, NAMED = re.compile(r"[A-Za-z0-9_-]{1,64}"), "up to 64 letters, digits, - and _"


class _Dummy(str):
    """Stands where a pipeline variable's text will stand."""


def validate(definition: str) -> None:
    """Raise `BadInput` that names the step and the argument that SageMaker would refuse."""
    document = json.loads(definition)
    steps = list(every_step(document.get("Steps", [])))
    problems = [
        *_structure(document, steps),
        *outputs.missing(steps),
        *(one for step in steps for one in _call(step)),
    ]
    if problems:
        raise BadInput(
            f"SageMaker would refuse the pipeline: {problems[0]}",
            where="pipeline.py",
            todo="\n         ".join(["then:", *problems[1:]]) if problems[1:] else "",
        )


def every_step(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every step, those inside of conditions included."""
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from every_step(step.get("Arguments", {}).get(branch, []))


def _structure(document: Step, steps: Sequence[Step]) -> Iterator[str]:
    if not steps:
        yield "it has no steps"
    names = [str(step.get("Name")) for step in steps]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two steps are called {name}"
    parameters = [str(one["Name"]) for one in document.get("Parameters", [])]
    yield from (f"a step cannot be called {name!r}: {NAMED}" for name in names if not NAME.fullmatch(name))
    for step in steps:
        if step.get("Type") not in (*CALLS, *NO_CALL):
            yield f"step {step.get('Name')}: there is no step type {step.get('Type')!r}"
        for where in _references(step.get("Arguments", {})):
            kind, _, rest = where.partition(".")
            known = {"Parameters": parameters, "Steps": names}.get(kind)
            name = rest.partition(".")[0]
            if known is not None and name not in known:
                yield f"step {step.get('Name')}: {where} is not there{did_you_mean(name, known)}"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("Get"), str):
            yield value["Get"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)


def _call(step: Step) -> Iterator[str]:
    from botocore.validate import ParamValidator

    from isthmus.executor.shapes import service_model

    if step.get("Type") not in CALLS:
        return
    call, filled_in = CALLS[step["Type"]]
    shape: Any = service_model().operation_model(call).input_shape
    known = {name: value for name, value in step["Arguments"].items() if name in shape.members}
    for name in step["Arguments"].keys() - known.keys():
        yield f"step {step['Name']}: {call} has no argument {name!r}{did_you_mean(name, shape.members)}"
    request = _plain(known, shape) | dict.fromkeys(filled_in, "name")
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        yield from (f"step {step['Name']}: {line}" for line in report.generate_report().splitlines())
    yield from (f"step {step['Name']}: {problem}" for problem in _texts(request, shape, ""))


def _plain(value: Any, shape: Any) -> Any:
    """`value` with a dummy of the right type in place of each pipeline variable."""
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)).startswith(("Get", "Std:")):
        return _dummy(shape)
    if isinstance(value, Mapping) and shape.type_name == "structure":
        return {
            name: _plain(one, shape.members[name]) if name in shape.members else one
            for name, one in value.items()
        }
    if isinstance(value, Mapping) and shape.type_name == "map":
        return {name: _plain(one, shape.value) for name, one in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_plain(one, shape.member) for one in value]
    return value


def _dummy(shape: Any) -> Any:
    least = int(shape.metadata.get("min", 1))
    if shape.type_name == "list":
        return [_dummy(shape.member)] * max(least, 1)
    if shape.type_name == "structure":
        return {name: _dummy(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "string":
        return _Dummy(next(iter(shape.metadata.get("enum", [])), "x" * max(least, 1)))
    return {"boolean": True, "map": {}, "timestamp": 0, "blob": b"x"}.get(shape.type_name, max(least, 1))


def _texts(value: Any, shape: Any, where: str) -> Iterator[str]:
    """Texts that are not as the API takes them; botocore leaves them to the service."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            member = shape.value if shape.type_name == "map" else shape.members.get(name)
            if member is not None:
                yield from _texts(one, member, f"{where}.{name}".lstrip("."))
    elif isinstance(value, list) and shape.type_name == "list":
        for one in value:
            yield from _texts(one, shape.member, where)
    elif isinstance(value, _Dummy) or not isinstance(value, str):
        return
    elif not _matches(value, shape.metadata.get("pattern")):
        yield f"{where}: {value!r} is not as it has to be: {shape.metadata['pattern']}"
    elif shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        allowed = shape.metadata["enum"]
        near = difflib.get_close_matches(value, allowed, 1) or allowed[:1]
        yield f"{where}: there is no {value!r}; {near[0]!r} is one of {len(allowed)} values"


def _matches(value: str, pattern: str | None) -> bool:
    """Patterns are Java's; one that Python cannot read excludes nothing."""
    try:
        return pattern is None or re.fullmatch(pattern, value) is not None
    except re.error:
        return True
