"""The `monitoring` section of deploy.yaml on its way into the monitor's job, and the rule that it makes.

A job's environment holds no value of more than 256 characters, so the section travels in pieces.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from isthmus.config.monitoring import Monitoring
from isthmus.monitor.drift import Rule

LONGEST = 256


def written(monitoring: Monitoring) -> dict[str, str]:
    """The section as environment variables, without what is as usual."""
    text = monitoring.model_dump_json(exclude_defaults=True)
    pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {f"MONITORING_{number}": piece for number, piece in enumerate(pieces)}


def read(environment: Mapping[str, str] = os.environ) -> Monitoring:
    """The section that `written` wrote; as usual where there is none."""
    pieces: list[str] = []
    while (piece := environment.get(f"MONITORING_{len(pieces)}")) is not None:
        pieces.append(piece)
    return Monitoring.model_validate_json("".join(pieces) or "{}")


def rule(monitoring: Monitoring) -> Rule:
    """What decides about drift."""
    drift = monitoring.drift
    thresholds = {str(name): value for name, value in drift.thresholds.items()}
    return Rule(drift.numbers, drift.texts, thresholds, monitoring.confidence, drift.correction)
