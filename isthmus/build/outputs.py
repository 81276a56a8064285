"""The outputs that steps read of one another, by name: else missed only when the jobs before have run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isthmus.errors import did_you_mean

_OUTPUT = re.compile(r"Steps\.([^.\[]+)\.ProcessingOutputConfig\.Outputs\['([^']*)'\]")


def missing(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is read and not there: outputs that references name, and those of property files."""
    made = {step["Name"]: _made(step) for step in steps if step.get("Type") == "Processing"}
    for step in steps:
        for file in step.get("PropertyFiles", []):
            name, there = str(file.get("OutputName")), made.get(step["Name"], [])
            if name not in there:
                yield f"step {step['Name']}: its property file is in output {name!r}{_near(name, there)}"
        text = json.dumps({key: step[key] for key in step.keys() - {"PropertyFiles"}})
        for source, name in _OUTPUT.findall(text):
            if source in made and name not in made[source]:
                near = _near(name, made[source])
                yield f"step {step['Name']}: step {source} has no output {name!r}{near}"


def _made(step: Mapping[str, Any]) -> list[str]:
    config = step.get("Arguments", {}).get("ProcessingOutputConfig", {})
    return [str(output.get("OutputName")) for output in config.get("Outputs", [])]


def _near(name: str, there: Sequence[str]) -> str:
    return did_you_mean(name, there) or f"; there are {', '.join(there) or 'none'}"
