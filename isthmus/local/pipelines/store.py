"""The variables of a running job: names ignore case, secrets stay out of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from isthmus.errors import BadInput
from isthmus.local.pipelines.host import VariableValue
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.values import MAX_TEXT

_MAX_DEPTH = 50
_NOT_IN_NAMES = re.compile(r"[. ]")


def expand_macros(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(name)` by lower-case name, once: what comes out is not looked at again.

    A name that is not known stays as it stands. Raises `BadInput` where the values make the text longer than
    any that a pipeline needs: variables that name each other grow fast.
    """
    found, position, length = [], 0, len(text)
    while (start := text.find("$(", position)) >= 0:
        end = text.find(")", start)
        if end < 0:
            break
        name = text[start + 2 : end]
        value = variables.get(name.lower())
        if value is None:
            found.append(text[position : start + 2])
            position = start + 2
        else:
            length += len(value) - len("$()") - len(name)
            if length > MAX_TEXT:
                raise BadInput(f"with $({name}) a text would have more than {MAX_TEXT:,} characters")
            found += [text[position:start], value]
            position = end + 1
    return "".join(found) + text[position:]


class VariableStore:
    """What a job's steps see, and what logging commands set."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._names: dict[str, str] = {}
        self._values: dict[str, VariableValue] = {}

    def set(self, name: str, value: str, *, secret: bool = False, readonly: bool = False) -> None:
        """Once secret, a variable stays secret."""
        key = name.lower()
        before = self._values.get(key)
        secret = secret or bool(before and before.secret)
        if secret:
            self._masker.add(value)
        self._names.setdefault(key, name)
        self._values[key] = VariableValue(value, secret, readonly)

    def update(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.set(name, value)

    def add(self, values: Mapping[str, VariableValue]) -> None:
        for name, one in values.items():
            self.set(name, one.value, secret=one.secret, readonly=one.readonly)

    def get(self, name: str, default: str = "") -> str:
        one = self._values.get(name.lower())
        return default if one is None else one.value

    def is_readonly(self, name: str) -> bool:
        one = self._values.get(name.lower())
        return one is not None and one.readonly

    def values(self) -> dict[str, str]:
        """By the name as it was first written: what expressions see."""
        return {self._names[key]: one.value for key, one in self._values.items()}

    def expand(self, text: str) -> str:
        if "$(" not in text:
            return text
        return expand_macros(text, {key: one.value for key, one in self._values.items()})

    def settle(self) -> None:
        """Expand the macros within variables' own values, as the agent does when a job begins.

        Variables that name each other in a circle stay as they stand. What a secret went into is one.
        https://learn.microsoft.com/azure/devops/pipelines/process/set-secret-variables
        """
        settled = {key: self._settled(key, ()) for key in self._values}
        secret = {key for key in self._values if self._is_secret(key, ())}
        for key, value in settled.items():
            readonly = self._values[key].readonly
            self.set(self._names[key], value, secret=key in secret, readonly=readonly)

    def _is_secret(self, key: str, above: tuple[str, ...]) -> bool:
        one = self._values.get(key)
        if one is None or key in above or len(above) > _MAX_DEPTH:
            return False
        return one.secret or any(self._is_secret(name.lower(), (*above, key)) for name in _named(one.value))

    def environment(self) -> dict[str, str]:
        """As processes see them: `Build.SourceBranch` is BUILD_SOURCEBRANCH, and secrets are left out."""
        return {
            environment_name(self._names[key]): one.value
            for key, one in self._values.items()
            if not one.secret and "\0" not in one.value
        }

    def _settled(self, key: str, above: tuple[str, ...]) -> str:
        value = self._values[key].value
        if "$(" not in value or key in above or len(above) > _MAX_DEPTH:
            return value
        named = {name.lower() for name in _named(value)} & self._values.keys()
        return expand_macros(value, {name: self._settled(name, (*above, key)) for name in named})


def environment_name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).upper()


def _named(text: str) -> Iterable[str]:
    return (match.group(1) for match in re.finditer(r"\$\((?=([^)]*)\))", text))
