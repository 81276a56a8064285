"""Variable groups that are files on this machine, for `isthmus run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from isthmus.errors import BadInput
from isthmus.local.pipelines.host import VariableValue


def read_group(file: Path) -> dict[str, VariableValue]:
    """A YAML or JSON file of `name: value`; a secret is `name: {value: ..., isSecret: true}`.

    Raises `BadInput` where it is none; what a value is, is never in the message.
    """
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - only text
    except OSError as error:
        raise BadInput(
            f"the variable group's file cannot be read: {error.strerror}", where=str(file)
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise BadInput("the variable group's file is not YAML", where=str(file)) from None
    if not isinstance(found, dict):
        raise BadInput("a variable group's file holds `name: value` lines", where=str(file))
    return {str(name): _value(str(name), one, file) for name, one in found.items()}


def _value(name: str, one: object, file: Path) -> VariableValue:
    if isinstance(one, Mapping) and isinstance(one.get("value"), str) and set(one) <= {"value", "isSecret"}:
        return VariableValue(one["value"], secret=str(one.get("isSecret", "")).lower() == "true")
    if not isinstance(one, str):
        what = f"the variable {name!r} is text, or has `value` and `isSecret`"
        raise BadInput(what, where=str(file))
    return VariableValue(one)
