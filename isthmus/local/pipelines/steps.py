"""Steps: each shorthand (`script`, `checkout`, `publish`, ...) becomes the task that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.conditions import read_condition
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, opened
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Place, Scalar, broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.resources import FETCHING, inline_repository
from isthmus.local.pipelines.runtime import STEP_CONTEXTS
from isthmus.local.pipelines.templating import Part, settle

COMMON = (
    "name",
    "displayName",
    "condition",
    "continueOnError",
    "enabled",
    "env",
    "timeoutInMinutes",
    "retryCountOnTaskFailure",
    "target",
)
_POWERSHELL = ("errorActionPreference", "failOnStderr", "ignoreLASTEXITCODE", "workingDirectory")
CHECKOUT = (*FETCHING, "path", "sparseCheckoutDirectories", "sparseCheckoutPatterns", "workspaceRepo")
# What may stand beside the key that says which kind of step it is.
KINDS: dict[str, tuple[str, ...]] = {
    "task": ("inputs",),
    "script": ("failOnStderr", "workingDirectory"),
    "bash": ("failOnStderr", "workingDirectory"),
    "pwsh": _POWERSHELL,
    "powershell": _POWERSHELL,
    "checkout": CHECKOUT,
    "publish": ("artifact",),
    # What `publish` was called once; Microsoft's schema takes it still, and so do public pipelines.
    "upload": ("artifact",),
    "download": ("artifact", "patterns", "path"),
    "downloadBuild": ("artifact", "path", "patterns", "inputs"),
    "getPackage": ("path",),
    "reviewApp": (),
}


def read_steps(part: Part, base: Scope, library: Library) -> tuple[Step, ...]:
    steps: list[Step] = []
    for fields in opened(part, base, library, "steps"):
        with library.notes.noting():
            steps.append(_step(fields, library))
    places: dict[str, Place] = {}
    for step in steps:
        if step.name and step.name in places:
            what = f"two steps are called {step.name!r}, first at {places[step.name]}"
            library.notes.note(broken(what, step.at))
        places[step.name] = step.at
        alias = step.inputs.get("repository", "") if step.task == "checkout" else ""
        if alias.startswith("git://") and alias not in library.repositories:
            library.locate(inline_repository(alias))
    return tuple(steps)


def _step(fields: Fields, library: Library) -> Step:
    kind = next((kind for kind in KINDS if kind in fields), None)
    if kind is None:
        written = next(iter(fields.entries), "")
        raise broken(f"not a step: it begins with {written!r}{did_you_mean(written, KINDS)}", fields.at)
    with library.notes.noting():
        fields.allow(f"a `{kind}` step", (kind, *KINDS[kind], *COMMON))
    task, inputs, shown = _TASKS[kind](fields)
    commands, settable, container = _target(fields)
    return Step(
        task=task,
        inputs={name: one.text for name, one in inputs.items()},
        input_places={name: one.at for name, one in inputs.items()},
        at=fields.at,
        name=fields.identifier("name"),
        display_name=fields.text("displayName", shown),
        condition=read_condition(fields, library, STEP_CONTEXTS),
        continue_on_error=fields.truth("continueOnError", "false"),
        enabled=fields.truth("enabled", "true"),
        env=fields.pairs("env"),
        timeout_minutes=fields.text("timeoutInMinutes", "0"),
        retries=fields.text("retryCountOnTaskFailure", "0"),
        commands=commands,
        settable=settable,
        container=container,
    )


Made = tuple[str, dict[str, Scalar], str]


def _task(fields: Fields) -> Made:
    reference = fields.text("task")
    name, _, version = reference.partition("@")
    if not name or not version.isdigit():
        raise broken(f"a task is written NAME@VERSION, not {reference!r}", fields.place("task"))
    return reference, fields.scalars("inputs"), name


def _inputs(fields: Fields, **names: str) -> dict[str, Scalar]:
    """The keys that are there, by the name of the task's input."""
    return {name: Scalar(fields.text(key), fields.place(key)) for name, key in names.items() if key in fields}


def _script(fields: Fields) -> Made:
    inputs = _inputs(
        fields, script="script", failOnStderr="failOnStderr", workingDirectory="workingDirectory"
    )
    return "CmdLine@2", inputs, "CmdLine"


def _bash(fields: Fields) -> Made:
    inputs = {"targetType": Scalar("inline", fields.at)}
    inputs |= _inputs(fields, script="bash", failOnStderr="failOnStderr", workingDirectory="workingDirectory")
    return "Bash@3", inputs, "Bash"


def _powershell(keyword: str) -> Callable[[Fields], Made]:
    def read(fields: Fields) -> Made:
        inputs = {"targetType": Scalar("inline", fields.at)}
        inputs |= _inputs(fields, script=keyword, **{key: key for key in _POWERSHELL})
        if keyword == "pwsh":
            inputs["pwsh"] = Scalar("true", fields.at)
        return "PowerShell@2", inputs, "PowerShell"

    return read


def _checkout(fields: Fields) -> Made:
    inputs = {"repository": Scalar(fields.text("checkout"), fields.place("checkout"))}
    for key in CHECKOUT:
        if key in fields:
            inputs[key] = Scalar(fields.text(key), fields.place(key))
    return "checkout", inputs, f"Checkout {inputs['repository'].text}"


def _publish(keyword: str) -> Callable[[Fields], Made]:
    def read(fields: Fields) -> Made:
        inputs = _inputs(fields, path=keyword, artifactName="artifact")
        return "PublishPipelineArtifact@1", inputs, "PublishPipelineArtifact"

    return read


def _download(fields: Fields) -> Made:
    inputs = _inputs(fields, source="download", artifact="artifact", patterns="patterns", path="path")
    return "download", inputs, f"Download {inputs['source'].text}"


def _unsupported(keyword: str) -> Callable[[Fields], Made]:
    return lambda fields: (keyword, _inputs(fields, source=keyword), keyword)


_TASKS: dict[str, Callable[[Fields], Made]] = {
    "task": _task,
    "script": _script,
    "bash": _bash,
    "pwsh": _powershell("pwsh"),
    "powershell": _powershell("powershell"),
    "checkout": _checkout,
    "publish": _publish("publish"),
    "upload": _publish("upload"),
    "download": _download,
    "downloadBuild": _unsupported("downloadBuild"),
    "getPackage": _unsupported("getPackage"),
    "reviewApp": _unsupported("reviewApp"),
}


def _target(fields: Fields) -> tuple[Literal["any", "restricted"], tuple[str, ...] | None, str]:
    """What its commands may do, the variables that they may set, and the container."""
    part = settle(fields.part("target"))
    if isinstance(part.node, Scalar):
        return "any", None, "" if part.node.text == "host" else part.node.text
    target = Fields.open(part, fields.base)
    target.allow("`target`", ("container", "commands", "settableVariables"))
    container = target.text("container", "host")
    commands: Literal["any", "restricted"] = (
        "restricted" if target.text("commands") == "restricted" else "any"
    )
    names = target.names("settableVariables") if "settableVariables" in target else None
    return commands, () if names == ("none",) else names, "" if container == "host" else container
