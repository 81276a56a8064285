"""The pipeline on a sample of the data, with no cloud and no credential: the check of a pull request."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isthmus.build import content, data
from isthmus.build.reason import explain
from isthmus.config import ModelConfig
from isthmus.container.versions import NONE
from isthmus.errors import Problem
from isthmus.executor.refusals import ApiError
from isthmus.executor.sample import StepResult, run_definition

LOG_LINES = 15
# What a run publishes it as: with the job's attempt behind.
ARTIFACT = "sample-"
# What is kept of a sample run, for what is said of it on a pull request.
STEPS, EVALUATION, FORECASTS, ROWS = "steps.json", "evaluation.json", "predictions.csv", "rows"
# What the definition's parameters are in a run that reaches nothing.
PARAMETERS = {
    "CodeUri": "s3://sample/code",
    "DataUri": "s3://sample/data",
    "ChampionUri": "s3://sample/champion",
    "OutputUri": "s3://sample/output",
    "ImageUri": "sample",
    "RoleArn": "arn:aws:iam::000000000000:role/sample",
    "KmsKeyId": "sample",
}


@dataclass(frozen=True)
class Sample:
    """How the sample run ended: its steps, and what the evaluation wrote."""

    steps: list[StepResult]
    evaluation: dict[str, Any]

    @property
    def failure(self) -> Problem | None:
        """The step that failed, with the end of its log."""
        for step in self.steps:
            # The Fail step is the verdict itself; a sample need not meet the bar.
            if step.status == "Failed" and step.type != "Fail":
                log = "\n".join(step.log[-LOG_LINES:])
                reason, todo = explain(step.reason or "no reason given")
                shown = f"the end of its log:\n{log}" if log else ""
                return Problem(
                    f"step {step.name} failed: {reason}", todo="\n".join(filter(None, (todo, shown)))
                )
        return None


def run_sample(repository: Path, config: ModelConfig, definition: str, keep: Path | None = None) -> Sample:
    """Run every step's script on a sample of the data; what came of it is kept in `keep`."""
    with tempfile.TemporaryDirectory(prefix="isthmus-sample-") as scratch:
        folder = Path(scratch)
        inputs = _inputs(folder / "inputs", repository, config)
        try:
            ran = run_definition(json.loads(definition), PARAMETERS, inputs, folder / "output")
        except ApiError as error:
            what = f"SageMaker would refuse this definition: {error.message}"
            raise Problem(what, where="pipeline.py") from None
        if keep:
            _keep(folder, ran.steps, keep)
        found = sorted((folder / "output").rglob(EVALUATION))
        return Sample(ran.steps, json.loads(found[0].read_text()) if found else {})


def read(kept: Path) -> Sample | None:
    """The sample run that was kept there; None where none came so far."""
    if not (kept / STEPS).exists():
        return None
    steps = [StepResult(**one) for one in json.loads((kept / STEPS).read_text())]
    found = kept / EVALUATION
    return Sample(steps, json.loads(found.read_text()) if found.exists() else {})


def _keep(folder: Path, steps: list[StepResult], keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    (keep / STEPS).write_text(json.dumps([asdict(step) for step in steps]))
    for name in (EVALUATION, FORECASTS):
        for file in sorted((folder / "output").rglob(name))[:1]:
            shutil.copy(file, keep / name)
    shutil.copytree(folder / "inputs" / "DataUri", keep / ROWS, dirs_exist_ok=True)


def _inputs(folder: Path, repository: Path, config: ModelConfig) -> dict[str, Path]:
    """S3 prefixes that the definition reads, and the folders that stand for them."""
    laid = {
        "CodeUri": content.code(repository),
        "DataUri": [data.sample(repository, config)],
        "ChampionUri": [content.File(NONE, b"none\n")],
    }
    for name, files in laid.items():
        for file in files:
            path = folder / name / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    return {PARAMETERS[name]: folder / name for name in laid}
