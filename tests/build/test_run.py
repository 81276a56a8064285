"""`isthmus build` against a local AWS: what a run of Azure Pipelines sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from isthmus import names
from isthmus.audit.data import data_version
from isthmus.build.commands import build
from isthmus.build.data import collect, local_source
from isthmus.build.definition import define
from isthmus.build.schema import schema
from isthmus.config import Platform, read_model
from isthmus.errors import BadInput, Problem
from tests.build.conftest import MODEL, Edit

Aws = Callable[[str], Any]
ARN = f"arn:aws:sagemaker:eu-west-1:222233334444:model-package/{MODEL}"


Run = Callable[..., Result]


@pytest.fixture
def run(furnished: Aws, repository: Path, defined: str) -> Run:
    """Run the pipeline as the command does; a `Problem` is raised as the command line would print it."""

    def invoke(run_id: str, *more: str, definition: str = defined) -> Result:
        (repository / "definition.json").write_text(definition)
        argv = ["run", "--definition", "definition.json", "--commit", "c0ffee", "--run-id", run_id, *more]
        return CliRunner().invoke(build, argv, catch_exceptions=False)

    return invoke


def execution(result: Result) -> str:
    return next(line for line in result.output.splitlines() if line.startswith("execution "))


def test_versions_come_and_the_better_one_wins(
    furnished: Aws, platform: Platform, repository: Path, run: Run
) -> None:
    sagemaker, s3 = furnished("sagemaker"), furnished("s3")

    first = run(
        "7", "--summary", "summary.md", "--repository", "https://dev.azure.com/contoso/_git/model-build"
    )
    assert first.exit_code == 0, first.output
    assert "champion none" in first.output
    assert f"##vso[task.setvariable variable=modelPackageArn;isOutput=true]{ARN}/1" in first.output
    assert "log loss 0.61 ≤ 0.66" in first.output
    assert "| this | 0.609 | 0.400 to 0.859 |" in (repository / "summary.md").read_text()
    found = sagemaker.describe_model_package(ModelPackageName=f"{ARN}/1")
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["InferenceSpecification"]["Containers"][0]["Image"].partition("@sha256:")[2]
    about = found["CustomerMetadataProperties"]
    facts = ("commit", "run_id", "reason", "metric", "n", "threshold", "champion", "gain")
    assert {name: about[name] for name in facts} == {
        "commit": "c0ffee",
        "run_id": "7",
        "reason": "merge",
        "metric": "log_loss",
        "n": "46",
        "threshold": "0.66",
        "champion": "none",
        "gain": "none",
    }
    assert float(about["ci_low"]) < float(about["value"]) < float(about["ci_high"])
    assert found["MetadataProperties"]["CommitId"] == "c0ffee"
    assert found["MetadataProperties"]["GeneratedBy"] == execution(first).removeprefix("execution ")
    quality = found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert quality == f"{about['evaluation_uri']}/evaluation.json"

    # The same attempt of the same run is the same execution; another one runs nothing that ran already.
    assert execution(run("7", "--repository", "https://dev.azure.com/contoso/_git/model-build")) == execution(
        first
    )
    again = run("7", "--attempt", "2")
    assert execution(again) != execution(first)
    assert f"registered {ARN}/2" in again.output
    arn = execution(again).removeprefix("execution ")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert {one["StepName"] for one in steps if "CacheHitResult" in one} == {"Prepare", "Train", "Evaluate"}

    # The first version serves prod when half a year of data has landed.
    sagemaker.update_model_package(
        ModelPackageArn=f"{ARN}/1",
        ModelApprovalStatus="Approved",
        ModelLifeCycle={"Stage": "prod", "StageStatus": "InService"},
    )
    landed, data = (repository / "data" / "later.csv").read_bytes(), names.data_bucket(platform)
    s3.put_bucket_versioning(Bucket=data, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=data, Key=f"{MODEL}/landed/2013.csv", Body=landed)
    second = run("8", "--reason", "retrain", "--correlation-id", "e-1", "--summary", "summary.md")
    assert second.exit_code == 0, second.output
    assert f"champion {ARN}/1" in second.output
    assert "log loss 0.59 ≤ 0.66, gain 0.29 [0.151, 0.428] over the champion" in second.output
    assert "| in prod | 0.877 |" in (repository / "summary.md").read_text()
    about = sagemaker.describe_model_package(ModelPackageName=f"{ARN}/3")["CustomerMetadataProperties"]
    assert (about["reason"], about["correlation_id"]) == ("retrain", "e-1")
    assert (about["champion"], about["n"]) == (f"{ARN}/1", "91")
    gain = [round(float(about[name]), 3) for name in ("gain", "gain_low", "gain_high")]
    assert gain == [0.290, 0.151, 0.428]

    # What it learned from, object by object.
    where = urlsplit(about["data_manifest"])
    body = s3.get_object(Bucket=where.netloc, Key=where.path.lstrip("/"))["Body"].read()
    own, later = json.loads(body)["objects"]
    assert (own["origin"], own["version_id"]) == ("data/weather.csv", "")
    assert later == {
        "origin": f"s3://{data}/{MODEL}/landed/2013.csv",
        "version_id": put["VersionId"],
        "sha256": hashlib.sha256(landed).hexdigest(),
    }
    artifacts = names.artifact_bucket(platform)
    listed = data_version(s3, artifacts, MODEL, about["data_manifest"])
    assert listed == about["data_version"]


@pytest.mark.parametrize(("bar", "code", "issue"), [("fail", 1, "error"), ("pass", 0, "warning")])
def test_below_the_bar_nothing_is_registered(
    run: Run, edit: Edit, defined: str, repository: Path, bar: str, code: int, issue: str
) -> None:
    if bar == "pass":
        edit("model.yaml", "below_bar: fail", "below_bar: pass")
        defined = define(repository)
    edit("model.yaml", "threshold: 0.66", "threshold: 0.5")
    result = run(f"bar-{bar}", definition=defined)
    assert result.exit_code == code
    # Where another test has left a version in prod, the verdict says more.
    hint = "; it learned from all rows, the oldest too: data.window takes the latest"
    assert any(f" > 0.50{more}\n" in result.output for more in ("", hint))
    assert f"##vso[task.logissue type={issue}]not registered: log loss 0." in result.output
    assert "modelPackageArn" not in result.output


def test_what_is_started_is_finished_by_another_job(furnished: Aws, repository: Path, defined: str) -> None:
    (repository / "definition.json").write_text(defined)
    about = ["--definition", "definition.json", "--commit", "c0ffee", "--run-id", "apart"]
    started = command("start", *about)
    assert started.exit_code == 0 and "registered" not in started.output
    arn = execution(started).removeprefix("execution ")
    assert f"##vso[task.setvariable variable=execution;isOutput=true]{arn}" in started.output
    for _ in range(2):
        finished = command("finish", "--execution", arn, "--summary", "summary.md")
        assert finished.exit_code == 0, finished.output
        assert f"##vso[task.setvariable variable=modelPackageArn;isOutput=true]{ARN}/" in finished.output
        assert "| Train | Succeeded |" in (repository / "summary.md").read_text()


def test_a_cancelled_run_stops_its_own_executions_and_no_others(
    furnished: Aws, repository: Path, defined: str, edit: Edit
) -> None:
    edit(
        "steps/prepare.py", "def main() -> None:\n", "def main() -> None:\n    import time; time.sleep(60)\n"
    )
    (repository / "definition.json").write_text(defined)
    arns = []
    for run_id in ("cancelled", "goes-on"):
        done = command("start", "--definition", "definition.json", "--commit", "c0ffee", "--run-id", run_id)
        arns.append(execution(done).removeprefix("execution "))
    assert command("stop", "--run-id", "cancelled").output == f"stopping {arns[0]}\n"
    finished = command("finish", "--execution", arns[0])
    assert finished.exit_code == 1
    assert "##vso[task.logissue type=error]stopped before it ended" in finished.output
    assert "no execution that goes on" in command("stop", "--run-id", "cancelled").output
    other = furnished("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arns[1])
    assert other["PipelineExecutionStatus"] == "Executing"
    command("stop", "--run-id", "goes-on")


def command(*words: str) -> Result:
    return CliRunner().invoke(build, list(words), catch_exceptions=False)


def test_a_step_that_crashes_is_told_with_its_log(run: Run, edit: Edit) -> None:
    edit("steps/prepare.py", "def main() -> None:\n", 'def main() -> None:\n    raise KeyError("humidity")\n')
    with pytest.raises(Problem) as caught:
        run("crash")
    assert (
        "step Prepare failed: AlgorithmError: KeyError: 'humidity' (steps/prepare.py:15), exit code: 1"
        in caught.value.what
    )
    assert "steps/prepare.py" in caught.value.todo


def test_an_image_that_is_not_there_is_named_before_anything_starts(run: Run, edit: Edit) -> None:
    edit("model.yaml", "isthmus/tabular:1", "isthmus/tabular:99")
    with pytest.raises(BadInput, match="no image isthmus/tabular:99"):
        run("image")


def test_landed_data_are_checked_as_well(furnished: Aws, platform: Platform, edit: Edit) -> None:
    edit("model.yaml", "name: seattle-rain", "name: other-rain")
    bucket = names.data_bucket(platform)
    furnished("s3").put_object(
        Bucket=bucket, Key="other-rain/landed/bad.csv", Body=b"date,wind\n2013-01-01,3\n"
    )
    with pytest.raises(BadInput, match="no column 'day_of_year'") as caught:
        collect(furnished("s3"), bucket, Path(), read_model())
    assert caught.value.where == f"s3://{bucket}/other-rain/landed/bad.csv"


def test_of_each_data_set_one_version_is_trained_on(furnished: Aws, platform: Platform, edit: Edit) -> None:
    edit("model.yaml", "name: seattle-rain", "name: landed-rain")
    s3, bucket, config = furnished("s3"), names.data_bucket(platform), read_model()
    rows = Path("data/later.csv").read_bytes()
    for key in ("one", "two"):
        s3.put_object(Bucket=bucket, Key=f"landed-rain/checked/{key}.csv", Body=rows)
    for version, files in (("a" * 16, ["one"]), ("b" * 16, ["one", "two"])):
        told = {"files": [{"key": f"landed-rain/checked/{one}.csv"} for one in files]}
        s3.put_object(
            Bucket=bucket, Key=f"landed-rain/landed/spring/{version}.json", Body=json.dumps(told).encode()
        )

    def trained_on(data_set: str = "") -> list[str]:
        return [file.name for file in collect(s3, bucket, Path(), config, data_set)]

    assert trained_on() == ["0000-weather.csv", "0001-one.csv", "0002-two.csv"]
    assert trained_on(f"spring@{'a' * 16}") == ["0000-weather.csv", "0001-one.csv"]
    with pytest.raises(BadInput, match="there is no data set summer@c"):
        trained_on("summer@c")


def test_the_schema_says_what_the_rows_show_and_model_yaml_corrects(edit: Edit) -> None:
    edit("model.yaml", "  time: date\n", "  time: date\n  types: {wind: text}\n")
    config = read_model()
    found = schema(local_source(Path(), config), config)
    assert found["kinds"] == {
        "day_of_year": "number",
        "precipitation": "number",
        "temp_max": "number",
        "temp_min": "number",
        "wind": "text",
        "rain_tomorrow": "class",
        "date": "time",
    }
    assert found["classes"] == ["0", "1"]
    assert found["columns"][0] == "date" and found["header"]
    assert (found["complete"], found["files"], found["most_missing"]) == ("marker", ["*"], 0.5)
