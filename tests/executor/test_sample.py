"""A definition runs with no server and no credential; the same scripts, the same /opt/ml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.executor.refusals import ApiError
from isthmus.executor.sample import run_definition
from tests.executor.definitions import (
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


def test_a_program_that_fails_is_named_with_its_log(tmp_path: Path, code: Path) -> None:
    (code / "train.py").write_text("import sys; print('no column rain'); sys.exit(3)")
    result = run_definition(document(), {}, {"s3://b/code": code}, tmp_path / "s3")
    train = next(step for step in result.steps if step.name == "Train")
    assert (result.status, train.reason) == ("Failed", "AlgorithmError: , exit code: 3")
    assert train.log == ["no column rain"]


def test_a_definition_that_sagemaker_would_refuse_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="Version is '1'"):
        run_definition(definition(fail("End", "x")) | {"Version": "1"}, {}, {}, tmp_path / "s3")


def test_an_input_that_is_not_there_fails_the_step(tmp_path: Path) -> None:
    result = run_definition(document(), {}, {}, tmp_path / "s3")
    assert result.steps[0].reason == (
        "ClientError: Data download failed:No S3 objects found under S3 URL 's3://b/code/prepare.py' "
        "given in input 'code'"
    )
