"""`isthmus build sample`: every step on a sample, with no cloud and no credential."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml

from isthmus.build import data
from isthmus.build.commands import build
from isthmus.config import ModelConfig, read_model
from isthmus.errors import BadInput, Problem
from tests.build.conftest import Edit


def test_the_example_passes_and_says_so(
    repository: Path, defined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    said = ["sample", "--junit", "out/results.xml", "--output", "out/kept"]
    result = CliRunner().invoke(build, said, catch_exceptions=False)
    assert result.exit_code == 0
    kept = json.loads(Path("out/kept/evaluation.json").read_text())
    # 46 rows: a half of them is too few, but for one that has most.
    assert {one["n"] >= 30 for one in kept["slices"]} <= {True}
    assert kept["compute"] == {"instance_type": "ml.m5.large", "instance_count": 1}
    assert "on a sample: log loss 0.61 ≤ 0.66" in result.output
    (suite,) = JUnitXml.fromfile("out/results.xml")
    assert {case.name: case.is_passed for case in suite} == dict.fromkeys(
        ["Prepare", "Train", "Evaluate", "GoodEnough", "Register"], True
    )


def test_a_crash_names_the_step_and_writes_the_results(
    repository: Path, defined: str, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit("steps/prepare.py", "def main() -> None:\n", 'def main() -> None:\n    raise KeyError("humidity")\n')
    monkeypatch.setattr("isthmus.build.definition.define", lambda _repository: defined)
    with pytest.raises(Problem) as caught:
        CliRunner().invoke(build, ["sample", "--junit", "results.xml"], catch_exceptions=False)
    assert (
        "step Prepare failed: AlgorithmError: KeyError: 'humidity' (steps/prepare.py:15)" in caught.value.what
    )
    log = caught.value.todo.splitlines()
    assert log[0] == "the end of its log:" and "steps/prepare.py" in log[2], "the trace begins in the script"
    (suite,) = JUnitXml.fromfile("results.xml")
    assert [case.name for case in suite if not case.is_passed] == ["Prepare"]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "steps/prepare.py",
            "    config = read_model",
            "    import os\n    os.kill(os.getpid(), 9)\n    config = read_model",
            ["step Prepare failed: killed by SIGKILL", "out of memory", "larger compute.instance_type"],
        ),
        (
            "steps/prepare.py",
            "    config = read_model",
            "    raise SystemExit(3)\n    config = read_model",
            ["it ended itself with exit(3) (steps/prepare.py:15)"],
        ),
        (
            "steps/train.py",
            "    config = read_model",
            "    return\n    config = read_model",
            ["step Train failed", "steps/train.py left no model: write it to SM_MODEL_DIR"],
        ),
        (
            "steps/train.py",
            "    complete(",
            "    0 and complete(",
            ["step Evaluate failed", "the model has no metadata.json", "artifact.complete"],
        ),
        (
            "model.yaml",
            "estimator: linear",
            "estimator: linaer",
            ["no estimator 'linaer'; did you mean 'linear'?", "model.yaml, hyperparameters.estimator"],
        ),
        (
            "model.yaml",
            "estimator: linear",
            "estimator: linear\n  max_itr: 5",
            ["LogisticRegression has no parameter 'max_itr'; did you mean 'max_iter'?"],
        ),
    ],
)
def test_what_a_step_does_wrong_is_told(
    repository: Path,
    defined: str,
    edit: Edit,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    old: str,
    new: str,
    words: list[str],
) -> None:
    edit(file, old, new)
    monkeypatch.setattr("isthmus.build.definition.define", lambda _repository: defined)
    with pytest.raises(Problem) as caught:
        CliRunner().invoke(build, ["sample"], catch_exceptions=False)
    for one in words:
        assert one in str(caught.value)


def config(**change: object) -> ModelConfig:
    found = read_model()
    return found.model_copy(update={"data": found.data.model_copy(update=change)})


def test_a_sample_of_rows_in_time_is_the_latest_of_them(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "SAMPLE_ROWS", 10)
    file = repository / "data" / "weather.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert data.sample(repository, read_model()).content.decode().splitlines() == [lines[0], *lines[-10:]]


def test_a_sample_of_other_rows_is_from_all_over(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SAMPLE_ROWS", 10)
    lines = (repository / "data" / "weather.csv").read_text().splitlines()
    sample = data.sample(repository, config(time=None)).content.decode().splitlines()
    assert sample == [lines[0], *lines[1::19]]


def test_data_in_s3_need_a_sample_in_the_repository(repository: Path) -> None:
    elsewhere = config(source="s3://bucket/rows.csv")
    with pytest.raises(BadInput, match="the data lie in S3") as caught:
        data.sample(repository, elsewhere)
    assert "data/sample.csv" in caught.value.todo
    (repository / "data" / "weather.csv").rename(repository / "data" / "sample.csv")
    assert len(data.sample(repository, elsewhere).content.splitlines()) == 185
