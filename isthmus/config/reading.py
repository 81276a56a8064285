"""Reads a configuration file; whatever is wrong in it is told with file, line, key and remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from isthmus.config.fields import SAID, Misfit, Strict
from isthmus.config.secrets import is_secret
from isthmus.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from isthmus.config.deploy import DeployConfig
    from isthmus.config.model import ModelConfig
    from isthmus.config.platform import Platform

Config = TypeVar("Config", bound=Strict)


def platform_path() -> Path:
    """Which platform.yaml is meant: `ISTHMUS_PLATFORM` in the environment, else the one in this folder."""
    return Path(os.environ.get("ISTHMUS_PLATFORM") or "platform.yaml")


def read_platform(path: Path | str | None = None, *, complete: bool = True) -> Platform:
    """Read platform.yaml. `AZURE_DEVOPS_URL` and `AZURE_AUTHORITY_HOST` in the environment say otherwise
    where Azure DevOps and Entra are.

    Raises `BadInput` where an account is still `new`, unless the platform need not be `complete`.
    """
    from isthmus.config.platform import Platform

    file = Path(path) if path else platform_path()
    platform = read(file, Platform)
    if complete and platform.awaited:
        raise BadInput(
            f"the accounts are still to be made: {', '.join(platform.awaited)}",
            where=f"{file}, accounts",
            todo="isthmus infra deploy --account management makes them, and says how to write down their ids",
        )
    said = {
        "organization_url": os.environ.get("AZURE_DEVOPS_URL"),
        "authority_host": os.environ.get("AZURE_AUTHORITY_HOST"),
    }
    azure = platform.azure.model_copy(update={key: url for key, url in said.items() if url})
    return platform.model_copy(update={"azure": azure})


def read_model(path: Path | str = "model.yaml") -> ModelConfig:
    from isthmus.config.model import ModelConfig

    return read(Path(path), ModelConfig)


def read_deploy(path: Path | str = "deploy.yaml") -> DeployConfig:
    from isthmus.config.deploy import DeployConfig

    return read(Path(path), DeployConfig)


def read(path: Path, kind: type[Config]) -> Config:
    """Read one configuration file; raises `BadInput` for the first thing that is wrong in it."""
    return parse(text_of(path), path, kind)


def text_of(path: Path) -> str:
    """What the file says, with its own line endings; raises `BadInput` where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(
            f"there is no {path.name}", where=str(path), todo=f"run from the repository{_named(path)}"
        ) from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.name} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}",
            where=str(path),
            todo="save it as UTF-8",
        ) from None


def _named(path: Path) -> str:
    """How a file that is elsewhere is named, where it can be."""
    return ", or name the file: ISTHMUS_PLATFORM=../platform.yaml" if path == platform_path() else ""


def parse(text: str, path: Path, kind: type[Config]) -> Config:
    """What `text` says as the content of `path`; raises `BadInput` for the first thing that is wrong."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        for count, (at, node) in enumerate(_nodes(root)):
            _refuse_bomb(count, path)
            _refuse_secret(at, node, path)
            _refuse_twice(node, path)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise BadInput(f"not valid YAML: {error.problem}", where=line) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        told = str(error).splitlines()[0] if not isinstance(error, RecursionError) else "it never ends"
        raise BadInput(f"not valid YAML: {told}", where=str(path)) from None
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _explained(error, kind, root, path) from None


# 450 feature groups of 100 features each are fewer.
_MOST = 100_000


def _nodes(node: yaml.Node | None, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    """The node and all below it, by keys; raises `RecursionError` where an alias leads back to itself."""
    if node is None:
        return
    yield at, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key, at)
            yield from _nodes(value, (*at, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _nodes(item, (*at, str(number)))


def place(path: Path, *at: str | int) -> str:
    """Where a key stands in a file that has been read: file, line and key."""
    line, _ = _at(yaml.compose(text_of(path), Loader=yaml.SafeLoader), at)
    return f"{path}:{line}, {'.'.join(map(str, at))}"


def _refuse_bomb(count: int, path: Path) -> None:
    """A few lines of aliases to aliases can stand for more values than any machine holds."""
    if count > _MOST:
        raise BadInput(
            f"with its aliases (*name) it holds more than {_MOST} values",
            where=str(path),
            todo="write out what an alias stands for, or use fewer of them",
        )


def _refuse_secret(at: tuple[str, ...], node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.ScalarNode) and is_secret(node.value):
        raise BadInput(
            "this looks like a secret, and no secret belongs in this file",
            where=f"{path}:{node.start_mark.line + 1}{', ' if at else ''}{'.'.join(at)}",
            todo="remove it and revoke it; Isthmus needs no stored credential",
        )


def _refuse_twice(node: yaml.Node, path: Path) -> None:
    """YAML's loader lets the last of two equal keys win without a word."""
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line, name = key.start_mark.line + 1, str(key.value)
        if name in lines:
            raise BadInput(
                f"{name!r} stands twice", where=f"{path}:{line}", todo=f"the other is in line {lines[name]}"
            )
        lines[name] = line


def _explained(error: ValidationError, kind: type[Strict], root: yaml.Node | None, path: Path) -> BadInput:
    # A misspelt key is also a missing one: naming what was written helps more.
    first = min(error.errors(), key=lambda one: (one["type"] != "extra_forbidden", _at(root, _loc(one))[0]))
    loc, of_key = _loc(first), _loc(first)[-1:] == (KEY,)
    if of_key:
        loc = loc[:-1]
    key = ".".join(str(part) for part in loc) or path.name
    line, node = _at(root, loc)
    where = f"{path}:{line}, {key}"
    if first["type"] == "extra_forbidden":
        allowed = _keys(kind, loc[:-1])
        return BadInput(
            f"unknown key {loc[-1]!r}{did_you_mean(str(loc[-1]), allowed)}",
            where=where,
            todo=f"allowed here: {', '.join(allowed)}",
        )
    if first["type"] == "missing":
        return BadInput(f"{loc[-1]!r} is missing", where=where, todo=f"add {loc[-1]}: under the line above")
    if isinstance(first.get("ctx", {}).get("error"), Misfit):
        return BadInput(_plain(first), where=where)
    written = str(loc[-1]) if of_key else node.value if isinstance(node, yaml.ScalarNode) else None
    shown = "" if written is None else f", found {written!r}"
    if len(loc) == 2 and loc[0] == "accounts" and written is not None:
        return BadInput(f"{key}: {ACCOUNT}{shown}", where=where, todo=_quoted(written))
    todo = f'quote it: "{written}"' if first["type"] == "string_type" and written else ""
    return BadInput(f"{key}: {_plain(first)}{shown}{_near(first)}", where=where, todo=todo)


def _loc(error: Any) -> tuple[int | str, ...]:
    """Where the fault is; what does not fit together says it itself."""
    at = getattr(error.get("ctx", {}).get("error"), "at", ())
    return (*error["loc"], *at)


# Pydantic's last step of the way to a key that is wrong itself.
KEY = "[key]"
ACCOUNT = "an AWS account id has twelve digits, in quotes"


def _plain(error: Any) -> str:
    if error["type"] in ("model_type", "dict_type"):
        return "it is empty" if error["input"] is None else "it must be keys and values"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message: str = SAID.get(error.get("ctx", {}).get("pattern"), error["msg"])
    return message[0].lower() + message[1:]


def _near(error: Any) -> str:
    """The nearest of the values that are allowed, where those are a few words."""
    if error["type"] != "literal_error":
        return ""
    return did_you_mean(str(error["input"]), re.findall(r"'([^']+)'", error["ctx"]["expected"]))


def _quoted(written: str) -> str:
    """YAML makes a number of digits without quotes, and another one where they begin with 0."""
    return f'quote it: "{written}"' if re.fullmatch("[0-9]{12}", written) else ""


def _keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        if isinstance(part, str) and isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[part].annotation
        while not isinstance(kind, type) or not issubclass(kind, BaseModel):
            kind = next((arg for arg in getattr(kind, "__args__", ()) if arg is not type(None)), None)
            if kind is None:
                return []
    return list(kind.model_fields)


def _at(node: yaml.Node | None, loc: tuple[int | str, ...]) -> tuple[int, yaml.Node | None]:
    """The line of the key at `loc`, and what stands there; where it is missing, of what it is missing in."""
    line = node.start_mark.line if node else 0
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line, value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1, node
