"""A definition runs with no server and no credential; the same scripts, the same /opt/ml."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from isthmus.local.sagemaker.sample import run_definition
from tests.local.sagemaker.definitions import (
    condition,
    definition,
    fail,
    from_file,
    processing,
    register,
    report,
    training,
)

PREPARE = """
import json, os
root = os.environ.get("ISTHMUS_OPT_ML", "/opt/ml") + "/processing"
print("preparing", os.listdir(root + "/input/code"))
json.dump({"auc": {"value": 0.9}}, open(root + "/output/report.json", "w"))
"""
TRAIN = """
import os
print("depth", os.environ["SM_HP_DEPTH"], "from", os.listdir(os.environ["SM_CHANNEL_CODE"]))
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("1")
"""


def document() -> dict[str, Any]:
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    bar = {"Name": "Bar", "Type": "Float", "DefaultValue": 0.7}
    below = {"Std:Join": {"On": " ", "Values": ["below", {"Get": "Parameters.Bar"}]}}
    return definition(
        processing("Prepare", "s3://b/code/prepare.py", output="s3://b/out", PropertyFiles=report()),
        training("Train", "s3://b/code/train.py", "s3://b/models", DependsOn=["Prepare"]),
        condition("Good", from_file("Prepare", "auc.value"), "GreaterThan", {"Get": "Parameters.Bar"},
                  [register("Register", "rain", model)], [fail("Below", below)]),
        parameters=[bar],
    )  # fmt: skip


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "prepare.py").write_text(PREPARE)
    (folder / "train.py").write_text(TRAIN)
    return folder


def test_a_definition_runs_to_its_registration(tmp_path: Path, code: Path) -> None:
    result = run_definition(document(), {}, {"s3://b/code": code}, tmp_path / "s3")
    assert result.status == "Succeeded"
    assert {step.name: step.status for step in result.steps} == dict.fromkeys(
        ("Prepare", "Train", "Good", "Register"), "Succeeded"
    )
    assert result.steps[0].log == ["preparing ['prepare.py']"]
    assert result.steps[1].log == ["depth 3 from ['train.py']"]
    (registered,) = result.registered
    container = registered["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataUrl"] == "s3://b/models/Train/output/model.tar.gz"
    assert (tmp_path / "s3/b/models/Train/output/model.tar.gz").is_file()
    assert (tmp_path / "s3/b/out/report.json").is_file()


def test_the_same_without_isolation(tmp_path: Path, code: Path) -> None:
    result = run_definition(document(), {}, {"s3://b/code": code}, tmp_path / "s3", isolation="remap")
    assert result.status == "Succeeded"


def test_the_same_model_twice_is_the_same_bytes(tmp_path: Path, code: Path) -> None:
    archives = []
    for name in ("one", "two"):
        run_definition(document(), {}, {"s3://b/code": code}, tmp_path / name)
        archives.append((tmp_path / name / "b/models/Train/output/model.tar.gz").read_bytes())
    assert archives[0] == archives[1]


def test_a_parameter_leads_to_the_other_branch(tmp_path: Path, code: Path) -> None:
    result = run_definition(document(), {"Bar": "0.95"}, {"s3://b/code": code}, tmp_path / "s3")
    assert result.status == "Failed"
    assert (result.steps[-1].name, result.steps[-1].reason) == ("Below", "below 0.95")
    assert result.registered == []


def test_the_module_prints_one_line(tmp_path: Path, code: Path) -> None:
    def run(definition_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        (tmp_path / "definition.json").write_text(json.dumps(definition_))
        (tmp_path / "inputs.json").write_text(json.dumps({"s3://b/code": str(code)}))
        places: list[str | Path] = [
            "--definition",
            tmp_path / "definition.json",
            "--inputs",
            tmp_path / "inputs.json",
        ]
        argv: list[str | Path] = [sys.executable, "-m", "isthmus.local.sagemaker.sample", *places]
        argv += ["--output", tmp_path / "s3"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, json.loads(done.stdout)

    assert run(document())[0] == 0
    (code / "train.py").write_text("import sys; print('no column rain'); sys.exit(3)")
    returned, result = run(document())
    train = next(step for step in result["steps"] if step["name"] == "Train")
    assert (returned, train["reason"]) == (1, "AlgorithmError: , exit code: 3")
    assert train["log"] == ["no column rain"]
    returned, result = run(definition(fail("End", "x")) | {"Version": "1"})
    assert (returned, result["status"]) == (2, "Refused")


def test_an_input_that_is_not_there_fails_the_step(tmp_path: Path) -> None:
    result = run_definition(document(), {}, {}, tmp_path / "s3")
    assert result.steps[0].reason == (
        "ClientError: Data download failed:No S3 objects found under S3 URL 's3://b/code/prepare.py' "
        "given in input 'code'"
    )
