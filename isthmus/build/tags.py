"""A pipeline's jobs tagged as the model's: a definition knows no platform, the run gives it one.

What the model's roles may do with jobs is asked of these tags, and so is what the jobs cost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from isthmus.build.validate import every_step

_JOBS = ("Processing", "Training", "Transform", "Tuning")


def tag(definition: str, tags: Mapping[str, str]) -> str:
    """The definition with these tags, and what other tags it gives, on every job; as canonical JSON."""
    document = json.loads(definition)
    for step in every_step(document["Steps"]):
        if step["Type"] in _JOBS:
            given = {one["Key"]: one["Value"] for one in step["Arguments"].get("Tags", [])}
            step["Arguments"]["Tags"] = [{"Key": k, "Value": v} for k, v in {**given, **tags}.items()]
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
