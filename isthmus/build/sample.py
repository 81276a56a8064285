"""The pipeline on a sample of the data, with no cloud and no credential: the check of a pull request."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.build import content, data
from isthmus.config import ModelConfig
from isthmus.container.versions import NONE
from isthmus.errors import Problem

# The sample runner is a program, so that nothing here knows what runs the steps.
RUNNER = "isthmus.local.sagemaker.sample"
LOG_LINES = 15


@dataclass(frozen=True)
class Sample:
    """How the sample run ended: steps as (name, type, status, seconds, reason, log), and the evaluation."""

    steps: list[dict[str, Any]]
    evaluation: dict[str, Any]

    @property
    def failure(self) -> Problem | None:
        """The step that failed, with the end of its log."""
        for step in self.steps:
            # The Fail step is the verdict itself; a sample need not meet the bar.
            if step["status"] == "Failed" and step["type"] != "Fail":
                log = "\n".join(step.get("log", [])[-LOG_LINES:])
                what = f"step {step['name']} failed: {step['reason']}"
                return Problem(what, todo=f"the end of its log:\n{log}" if log else "")
        return None


def run_sample(repository: Path, config: ModelConfig, definition: str) -> Sample:
    """Run every step's script on a sample of the data."""
    with tempfile.TemporaryDirectory(prefix="isthmus-sample-") as scratch:
        folder = Path(scratch)
        answer = _execute(folder, definition, _inputs(folder, repository, config))
        found = sorted(folder.rglob("evaluation.json"))
        return Sample(answer["steps"], json.loads(found[0].read_text()) if found else {})


def _inputs(folder: Path, repository: Path, config: ModelConfig) -> dict[str, str]:
    """S3 prefixes that the definition reads, and the folders that stand for them."""
    laid = {
        "s3://sample/code": content.code(repository),
        "s3://sample/data": [data.sample(repository, config)],
        "s3://sample/champion": [content.File(NONE, b"none\n")],
    }
    for uri, files in laid.items():
        for file in files:
            path = folder / "inputs" / uri.rsplit("/", 1)[-1] / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    return {uri: str(folder / "inputs" / uri.rsplit("/", 1)[-1]) for uri in laid}


def _execute(folder: Path, definition: str, inputs: dict[str, str]) -> dict[str, Any]:
    (folder / "definition.json").write_text(definition)
    parameters = {
        "CodeUri": "s3://sample/code",
        "DataUri": "s3://sample/data",
        "ChampionUri": "s3://sample/champion",
        "OutputUri": "s3://sample/output",
        "ImageUri": "sample",
        "RoleArn": "arn:aws:iam::000000000000:role/sample",
        "KmsKeyId": "sample",
    }
    files = {"definition": definition, "inputs": json.dumps(inputs), "parameters": json.dumps(parameters)}
    options = ["--output", str(folder / "output")]
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
        options += [f"--{name}", str(folder / f"{name}.json")]
    done = subprocess.run(
        [sys.executable, "-m", RUNNER, *options], capture_output=True, text=True, check=False
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        tail = "\n".join(done.stderr.strip().splitlines()[-6:])
        raise Problem(f"the sample run did not finish:\n{tail}") from None
    if answer["status"] == "Refused":
        raise Problem(f"SageMaker would refuse this definition: {answer['reason']}", where="pipeline.py")
    return answer
