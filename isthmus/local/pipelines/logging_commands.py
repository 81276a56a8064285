"""Logging commands: what a step asks of the agent by writing `##vso[area.action key=value;]message`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.values import to_count

SUMMARY = "Distributedtask.Core.Summary"
_ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))
_PREFIX = "##vso["


@dataclass(frozen=True)
class Command:
    name: str
    """`task.setvariable`, in lower case."""
    properties: dict[str, str] = field(default_factory=dict)
    """By lower-case key."""
    message: str = ""


class Receiver(Protocol):
    """The step whose process wrote the command; it decides what its commands may do."""

    def set_variable(self, name: str, value: str, *, secret: bool, output: bool, readonly: bool) -> None: ...

    def add_secret(self, value: str) -> None: ...

    def add_issue(self, kind: str, message: str) -> None: ...

    def complete(self, result: str, message: str) -> None: ...

    def progress(self, percent: int, message: str) -> None: ...

    def prepend_path(self, folder: str) -> None: ...

    def attach(self, type_: str, name: str, path: Path) -> None: ...

    def upload_artifact(self, name: str, path: Path) -> None: ...

    def add_tag(self, tag: str) -> None: ...

    def set_build_number(self, number: str) -> None: ...

    def debug(self, message: str) -> None: ...


class Refusal(ValueError):
    """A command that is malformed or not known; the step's log shows it as a warning."""


def parse(line: str) -> Command | None:
    """The command in a line, if there is one. It may stand anywhere in the line, as the agent reads it."""
    start = line.find(_PREFIX)
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + len(_PREFIX) : end].strip().partition(" ")
    if name.count(".") != 1:
        return None
    properties = {}
    for pair in rest.split(";"):
        key, separator, value = pair.strip().partition("=")
        if separator:
            properties[key.strip().lower()] = _unescape(value)
    return Command(name.lower(), properties, _unescape(line[end + 1 :]))


def obey(command: Command, receiver: Receiver) -> None:
    """Carry out a command; raises `Refusal` for one that is not known or lacks something."""
    action = _ACTIONS.get(command.name)
    if action is None:
        raise Refusal(f"unknown logging command {command.name!r}{did_you_mean(command.name, _ACTIONS)}")
    action(command, receiver)


def _unescape(text: str) -> str:
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text


def _needed(command: Command, key: str) -> str:
    value = command.properties.get(key, "")
    if not value:
        raise Refusal(f"the logging command {command.name} needs {key}=")
    return value


def _is_true(command: Command, key: str) -> bool:
    return command.properties.get(key, "").lower() == "true"


def _file(command: Command) -> Path:
    path = Path(command.message.strip())
    if not command.message.strip() or not path.exists():
        raise Refusal(f"the logging command {command.name} names no file that exists: {command.message!r}")
    return path


def _set_variable(command: Command, receiver: Receiver) -> None:
    receiver.set_variable(
        _needed(command, "variable"),
        command.message,
        secret=_is_true(command, "issecret"),
        output=_is_true(command, "isoutput"),
        readonly=_is_true(command, "isreadonly"),
    )


def _log_issue(command: Command, receiver: Receiver) -> None:
    kind = _needed(command, "type").lower()
    if kind not in ("error", "warning"):
        raise Refusal(f"task.logissue has type=error or type=warning, not {kind!r}")
    source, line = command.properties.get("sourcepath", ""), command.properties.get("linenumber", "")
    where = f"{source}({line}): " if source and line else f"{source}: " if source else ""
    receiver.add_issue(kind, where + command.message)


def _complete(command: Command, receiver: Receiver) -> None:
    results = {"succeeded": "succeeded", "succeededwithissues": "succeededWithIssues", "failed": "failed"}
    result = results.get(command.properties.get("result", "succeeded").lower())
    if result is None:
        raise Refusal(f"task.complete has no result {command.properties['result']!r}")
    receiver.complete(result, command.message)


def _progress(command: Command, receiver: Receiver) -> None:
    value = _needed(command, "value")
    percent = to_count(value)
    if percent is None or percent > 100:
        raise Refusal(f"task.setprogress has a value from 0 to 100, not {value!r}")
    receiver.progress(percent, command.message)


def _attach(command: Command, receiver: Receiver) -> None:
    receiver.attach(_needed(command, "type"), _needed(command, "name"), _file(command))


def _summary(command: Command, receiver: Receiver) -> None:
    path = _file(command)
    receiver.attach(SUMMARY, path.name, path)


def _upload_file(command: Command, receiver: Receiver) -> None:
    path = _file(command)
    receiver.attach("DistributedTask.Core.FileAttachment", path.name, path)


def _upload_artifact(command: Command, receiver: Receiver) -> None:
    receiver.upload_artifact(_needed(command, "artifactname"), _file(command))


_ACTIONS: dict[str, Callable[[Command, Receiver], None]] = {
    "task.setvariable": _set_variable,
    "task.setsecret": lambda command, receiver: receiver.add_secret(command.message),
    "task.logissue": _log_issue,
    "task.complete": _complete,
    "task.setprogress": _progress,
    "task.prependpath": lambda command, receiver: receiver.prepend_path(command.message),
    "task.addattachment": _attach,
    "task.uploadsummary": _summary,
    "task.uploadfile": _upload_file,
    "task.debug": lambda command, receiver: receiver.debug(command.message),
    "artifact.upload": _upload_artifact,
    # For pages that a terminal does not have.
    **dict.fromkeys(
        ("task.logdetail", "task.setendpoint", "artifact.associate", "build.uploadlog", "results.publish"),
        lambda command, receiver: receiver.debug(f"{command.name} is passed over here"),
    ),
    "build.addbuildtag": lambda command, receiver: receiver.add_tag(command.message.strip()),
    "build.updatebuildnumber": lambda command, receiver: receiver.set_build_number(command.message.strip()),
}
ALLOWED_WHEN_RESTRICTED = frozenset(
    {"task.logissue", "task.complete", "task.setprogress", "task.debug", "task.setsecret", "task.setvariable"}
)
