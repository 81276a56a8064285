"""The scripts that a pipeline's steps run, which must be among the files that its jobs are given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from isthmus.build.content import File
from isthmus.errors import BadInput, did_you_mean

# What the image's `train` runs (`isthmus.container.train`).
TRAINING = "steps/train.py"


def require(definition: str, code: list[File]) -> None:
    """Raise `BadInput` for a step whose script is not there."""
    names = [file.name for file in code]
    for step, script in _named(json.loads(definition)["Steps"]):
        if script not in names:
            near = did_you_mean(script, names)
            raise BadInput(f"step {step} runs {script}, which is not there{near}", where="pipeline.py")


def _named(steps: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each step's name and script, those inside of conditions included."""
    for step in steps:
        arguments = step.get("Arguments", {})
        program = arguments.get("AppSpecification", {})
        if program.get("ContainerEntrypoint") == ["process"]:
            script = (program.get("ContainerArguments") or [""])[0]
            if isinstance(script, str) and script != "-m":
                yield step["Name"], script
        if step["Type"] == "Training" and "ContainerEntrypoint" not in arguments["AlgorithmSpecification"]:
            yield step["Name"], TRAINING
        for branch in ("IfSteps", "ElseSteps"):
            yield from _named(arguments.get(branch, []))
