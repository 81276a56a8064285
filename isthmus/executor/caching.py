"""Step caching: what makes two runs of a step the same, and how long a run may be reused."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

# The attributes that AWS documents as the default cache keys.
KEYS = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
}
_DURATION = re.compile(
    r"P?(?:(?P<y>\d+)Y)?(?:(?P<mo>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?"
    r"(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+)S)?)?",
    re.IGNORECASE,
)
_SECONDS = {"y": 31_536_000, "mo": 2_592_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def key(step_type: str, arguments: dict[str, Any]) -> str | None:
    """The signature of a step with resolved `arguments`; None where the type is never cached here."""
    if step_type not in KEYS:
        return None
    kept = {name: arguments.get(name) for name in KEYS[step_type]}
    return hashlib.sha256(json.dumps([step_type, kept], sort_keys=True).encode()).hexdigest()


def seconds(duration: str | None) -> float:
    """An ISO 8601 duration (P30D, PT1H, P4DT12H) in seconds; no duration means for ever."""
    if not duration:
        return float("inf")
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groupdict().values()):
        raise ValueError(f"{duration!r} is no ISO 8601 duration")
    return sum(int(count) * _SECONDS[unit] for unit, count in match.groupdict().items() if count)
