"""What differs between what is wanted and what is there: what it was, and what it will be."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Difference:
    """One thing, by its path within the settings."""

    what: str
    was: Any
    will_be: Any

    def __str__(self) -> str:
        return f"{self.what}: was {_said(self.was)}, will be {_said(self.will_be)}"

    @property
    def document(self) -> dict[str, Any]:
        return asdict(self)


def differences(want: Any, found: Any, what: str = "") -> tuple[Difference, ...]:
    """All that is wanted and not so; what is there beside it does not matter.

    The case of letters does, as it does for branches and files; only in an id it says nothing.
    """
    if isinstance(want, dict) and isinstance(found, dict):
        return tuple(
            one
            for key, value in want.items()
            for one in differences(value, found.get(key), f"{what}.{key}" if what else key)
        )
    if isinstance(want, list) and isinstance(found, list) and len(want) == len(found):
        pairs = zip(want, found, strict=True)
        return tuple(one for at, pair in enumerate(pairs) for one in differences(*pair, what=f"{what}[{at}]"))
    return () if _is_same(want, found) else (Difference(what, found, want),)


def _is_same(want: Any, found: Any) -> bool:
    if isinstance(want, str) and isinstance(found, str):
        return want == found or (bool(ID.fullmatch(want)) and want.lower() == found.lower())
    return bool(want == found) or (not want and found is None)


def _said(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) and value else json.dumps(value)
