"""`isthmus build sample`: every step on a sample, with no cloud and no credential."""

from __future__ import annotations

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
    result = CliRunner().invoke(build, ["sample", "--junit", "out/results.xml"], catch_exceptions=False)
    assert result.exit_code == 0
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
    assert "step Prepare failed: AlgorithmError: KeyError: 'humidity'" in caught.value.what
    assert "steps/prepare.py" in caught.value.todo
    (suite,) = JUnitXml.fromfile("results.xml")
    assert [case.name for case in suite if not case.is_passed] == ["Prepare"]


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
