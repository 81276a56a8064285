"""`isthmus build definition` and `check`: same content, same bytes, nothing that SageMaker would refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus import names
from isthmus.build.commands import build
from isthmus.build.definition import define
from isthmus.build.validate import validate
from isthmus.errors import BadInput, Problem
from tests.build.conftest import Edit

# Runs pipeline.py as `isthmus build definition` does, and ends at the first attempt to reach anything.
WITHOUT_NETWORK = """
import runpy, sys
def look(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(look)
runpy.run_path("pipeline.py", run_name="__main__")
"""


def test_it_is_made_without_network_and_always_the_same(defined: str, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK],
        cwd=repository,
        env={"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout[done.stdout.index("{") :])
    assert json.loads(defined) == {key: value for key, value in printed.items() if value is not None}
    assert json.dumps(json.loads(defined), sort_keys=True, separators=(",", ":")) == defined


def test_where_and_when_it_is_made_makes_no_difference(
    defined: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert define(repository) == defined


def test_the_pipeline_and_its_parameters(defined: str) -> None:
    document = json.loads(defined)
    assert [step["Name"] for step in document["Steps"]] == ["Prepare", "Train", "Evaluate", "GoodEnough"]
    branches = document["Steps"][-1]["Arguments"]
    assert [step["Name"] for step in branches["IfSteps"]] == ["Register"]
    assert [step["Name"] for step in branches["ElseSteps"]] == ["NotRegistered"]
    # By these names the registry's policies keep others from writing them.
    registered = branches["IfSteps"][0]["Arguments"]["CustomerMetadataProperties"]
    assert sorted(registered) == sorted(names.PROVENANCE)
    required = [one["Name"] for one in document["Parameters"] if "DefaultValue" not in one]
    assert required == ["CodeUri", "DataUri", "ChampionUri", "OutputUri", "ImageUri", "RoleArn", "KmsKeyId"]
    assert "PipelineExperimentConfig" not in document


@pytest.mark.parametrize(("instance", "key"), [("ml.m5.large", True), ("ml.g5.xlarge", False)])
def test_each_job_is_encrypted_by_our_key_unless_its_machine_has_one(
    edit: Edit, repository: Path, instance: str, key: bool
) -> None:
    edit("model.yaml", "instance_type: ml.m5.large", f"instance_type: {instance}")
    steps = {step["Name"]: step["Arguments"] for step in json.loads(define(repository))["Steps"]}
    ours = {"Get": "Parameters.KmsKeyId"}
    for name, output, machine in (
        ("Prepare", "ProcessingOutputConfig", steps["Prepare"]["ProcessingResources"]["ClusterConfig"]),
        ("Train", "OutputDataConfig", steps["Train"]["ResourceConfig"]),
        ("Evaluate", "ProcessingOutputConfig", steps["Evaluate"]["ProcessingResources"]["ClusterConfig"]),
    ):
        assert steps[name][output]["KmsKeyId"] == ours
        assert machine.get("VolumeKmsKeyId") == (ours if key else None)


def test_what_passes_below_the_bar_has_no_fail_step(edit: Edit, repository: Path) -> None:
    edit("model.yaml", "below_bar: fail", "below_bar: pass")
    assert json.loads(define(repository))["Steps"][-1]["Arguments"]["ElseSteps"] == []


def test_a_definition_is_kept_by_its_content(
    defined: str, repository: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "data" / "weather.csv").write_text("data are not read\n")
    monkeypatch.setattr(subprocess, "run", _never)
    assert define(repository) == defined
    edit("steps/estimator.py", "max_categories=50", "max_categories=60")
    with pytest.raises(AssertionError, match="defined again"):
        define(repository)


def _never(*_args: Any, **_more: Any) -> None:
    raise AssertionError("defined again")


def test_check_takes_the_example(repository: Path, defined: str) -> None:
    result = CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert "seattle-rain: binary, 5 features, log_loss" in result.output


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("model.yaml", "threshold:", "treshold:", "unknown key 'treshold'; did you mean 'threshold'?"),
        ("model.yaml", "wind]", "winds]", "no column 'winds' in the data; did you mean 'wind'?"),
        ("model.yaml", "wind]", "winds]", "model.yaml:11, features.4\n"),
        ("model.yaml", "wind]", "winds]", "columns in data/weather.csv: date, day_of_year"),
        ("model.yaml", "wind]", "wind]\nfacets: [wind, saison]", "model.yaml:12, facets.1\n"),
        ("model.yaml", "time: date", "time: dates", "model.yaml:8, data.time\n"),
        (
            "model.yaml",
            "instance_type: ml.m5.large",
            "instance_type: ml.m5.lrge",
            "model.yaml:22, compute.inst",
        ),
        (
            "model.yaml",
            "instance_type: ml.m5.large",
            "instance_type: ml.m5.lrge",
            "did you mean 'ml.m5.large'?",
        ),
        ("model.yaml", "data/weather.csv", "data/wether.csv", "there is no data file data/wether.csv"),
        ("model.yaml", "data/weather.csv", "data/wether.csv", "model.yaml:7, data.source"),
        ("model.yaml", "data/weather.csv", "/etc/passwd", "name a file in the repository"),
        ("model.yaml", "data/weather.csv", "../data.csv", "name a file in the repository"),
        ("model.yaml", "data/weather.csv", '"data\\0.csv"', "name a file in the repository"),
        ("model.yaml", "data/weather.csv", "s3://", "name a file in the repository"),
        ("model.yaml", "data/weather.csv", "https://example/a.csv", "name a file in the repository"),
        ("model.yaml", "target: rain_tomorrow", "target: temp_max2", "no column 'temp_max2'"),
        ("model.yaml", "metric: log_loss", "metric: rmse", "metric rmse does not judge a binary problem"),
        ("model.yaml", "problem: binary", "problem: regresion", "problem"),
        ("data/weather.csv", "2012-07-01,183,0.0,20.0,12.2,2.3,1", "2012-07-01,183", "weather.csv:2"),
        (
            "data/weather.csv",
            "2012-07-01,183,0.0,20.0,12.2,2.3,1",
            "2012-07-01,1,1,1,1,1,3",
            "3 classes ('0', '1', '3')",
        ),
    ],
)
def test_check_names_what_does_not_fit(edit: Edit, file: str, old: str, new: str, words: str) -> None:
    edit(file, old, new)
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert words in str(caught.value)


def test_check_names_a_model_that_the_platform_does_not(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its pull request is green, and its comment says that a check failed."""
    edit("model.yaml", "name: seattle-rain", "name: rents")
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert "no model 'rents'" in str(caught.value) and "model.yaml:" in caught.value.where
    assert "merge the platform's pull request that names it" in caught.value.todo
    monkeypatch.delenv("ISTHMUS_PLATFORM")
    assert "rents: binary" in CliRunner().invoke(build, ["check"], catch_exceptions=False).output


def test_a_cell_that_is_no_number_among_numbers_is_named(edit: Edit, defined: str) -> None:
    """It made texts of the whole feature, in silence."""
    edit("data/weather.csv", "2012-07-02,184,2.0", "2012-07-02,184,unknown")
    with pytest.raises(BadInput, match=r"1 of \d+ cells of precipitation are no numbers") as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert caught.value.where.endswith("data/weather.csv:3, column precipitation")
    assert '"null", "unknown"]' in caught.value.todo
    missing = 'missing: ["unknown"]'
    for line in (missing, "types: {precipitation: text}"):
        edit("model.yaml", "  source: data/weather.csv", f"  source: data/weather.csv\n  {line}")
        assert CliRunner().invoke(build, ["check"], catch_exceptions=False).exit_code == 0
        edit("model.yaml", f"\n  {line}", "")


def test_a_time_that_cannot_be_read_is_named(edit: Edit) -> None:
    """Training stopped there, minutes after the pull request was merged."""
    edit("data/weather.csv", "2012-07-02,184", "2 July,184")
    with pytest.raises(BadInput, match="'2 July' is no date like 2012-07-31, as other cells are") as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert caught.value.where == "data/weather.csv:3, column date"
    edit("data/weather.csv", "2 July,184,2.0,", ",184,2.0,")
    with pytest.raises(BadInput, match="an empty cell is no date"):
        CliRunner().invoke(build, ["check"], catch_exceptions=False)


def test_too_few_rows_to_learn_from_are_told(repository: Path) -> None:
    file = repository / "data" / "weather.csv"
    file.write_text("\n".join(file.read_text().splitlines()[:20]))
    with pytest.raises(BadInput, match="only 19 rows with a target; 20 are the fewest") as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert caught.value.where == "data/weather.csv, column rain_tomorrow"
    assert caught.value.todo == "add 1 or more"


def test_a_measured_target_has_no_classes(edit: Edit) -> None:
    edit("model.yaml", "problem: binary", "problem: multiclass")
    edit("model.yaml", "metric: log_loss", "metric: accuracy")
    edit("model.yaml", "target: rain_tomorrow", "target: temp_max")
    edit("model.yaml", "temp_max, temp_min", "temp_min")
    with pytest.raises(BadInput, match="has 51 different numbers, which are no classes") as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert caught.value.where == "model.yaml:4, problem"
    assert "problem: regression" in caught.value.todo


ROW = b"2012-07-01,183,0.0,20.0,12.2,2.3,1"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (b"\xff\xfe" + "a,b".encode("utf-16-le"), ["UTF-16", "save them as UTF-8"]),
        (b"caf\xe9" + ROW[4:], ["not UTF-8 text: byte 0xe9", "data/weather.csv:2"]),
        (b"\0" + ROW, ["NUL byte", "data/weather.csv:2"]),
        (b"date;day_of_year\n1;2\n", ['data.separator: ";"']),
        (b"", ["the data file is empty", "write a header and rows"]),
        (b"date," + b",".join(b"c%d" % number for number in range(500)), ["c28, and 471 more"]),
        (b"date,day_of_year,precipitation,temp_max,temp_min,wind,rain_tomorrow\n", ["there are no rows"]),
        (b'"' + ROW, ["not a CSV file: field larger than field limit", "never closes"]),
    ],
)
def test_check_names_where_the_data_are_no_text(repository: Path, new: bytes, words: list[str]) -> None:
    file = repository / "data" / "weather.csv"
    whole = new.startswith((b"\xff", b"date")) or not new
    lines = file.read_bytes().replace(ROW, new) + b"x" * 140_000
    file.write_bytes(new if whole else lines)
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    for one in words:
        assert one in str(caught.value)


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_check_takes_the_line_ends_of_any_system(repository: Path, defined: str, end: bytes) -> None:
    file = repository / "data" / "weather.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", end))
    assert CliRunner().invoke(build, ["check"], catch_exceptions=False).exit_code == 0


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda it: (it / "steps" / "prepare.py").unlink(),
            "step Prepare runs steps/prepare.py, which is not",
        ),
        (lambda it: (it / "steps" / "train.py").unlink(), "step Train runs steps/train.py, which is not"),
        (
            lambda it: _link(it / "steps" / "train.py", "nowhere"),
            "steps/train.py is a link that leads nowhere",
        ),
        (lambda it: _link(it / "steps" / "loop.py", "loop.py"), "steps/loop.py is a link that leads nowhere"),
        (lambda it: _link(it / "steps" / "again", "."), "steps/again is a link to a folder"),
        (lambda it: _link(it / "data" / "weather.csv", "weather.csv"), "there is no data file"),
        (lambda it: _link(it / "data" / "weather.csv", "."), "data/weather.csv is a folder"),
        (lambda it: os.mkfifo(it / "steps" / "pipe"), "there is no file steps/pipe"),
        (
            lambda it: os.close(os.open(bytes(it / "steps") + b"/\xff.py", os.O_CREAT)),
            "cannot be called 'steps/",
        ),
    ],
)
def test_check_names_files_that_jobs_could_not_be_given(
    repository: Path, defined: str, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(repository)
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(build, ["check"], catch_exceptions=False)
    assert words in str(caught.value)


@pytest.mark.parametrize("file", ["data/weather.csv", "steps/prepare.py"])
def test_check_reads_nothing_outside_the_repository(repository: Path, file: str) -> None:
    moved = (repository / file).rename(repository.parent / "outside")
    (repository / file).symlink_to(moved)
    with pytest.raises(BadInput, match=f"{file} leads out of the repository"):
        CliRunner().invoke(build, ["check"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("\n1 / 0", "pipeline.py failed: ZeroDivisionError: division by zero", "pipeline.py:2"),
        ("import json\njson.loads('')", "JSONDecodeError: Expecting value", "pipeline.py:2"),
        ("x = (", "'\\(' was never closed", "pipeline.py:1"),
        ("print('{}')", "did not print a pipeline definition", "pipeline.py"),
    ],
)
def test_a_pipeline_that_cannot_be_defined(repository: Path, text: str, words: str, where: str) -> None:
    (repository / "pipeline.py").write_text(text)
    with pytest.raises(Problem, match=words) as caught:
        define(repository)
    assert caught.value.where == where


def test_a_folder_without_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no pipeline\.py"):
        define(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ml.m5.large", "ml.m5.huge", "step Prepare: ProcessingResources.ClusterConfig.InstanceType"),
        ("Parameters.DataUri", "Parameters.DataUrl", "did you mean 'DataUri'?"),
        ("Steps.Train.", "Steps.Trian.", "Steps.Trian.ModelArtifacts.S3ModelArtifacts is not there"),
        ('"VolumeSizeInGB":30', '"VolumeSizeInGB":"30"', "Invalid type for parameter"),
        ('"ContainerEntrypoint"', '"Entrypoint"', "Unknown parameter in AppSpecification"),
        ('"InferenceSpecification"', '"InferenceSpec"', "did you mean 'InferenceSpecification'?"),
        ('"OutputDataConfig":{', '"OutputDataConfg":{', "did you mean 'OutputDataConfig'?"),
        (
            '"RoleArn":{"Get":"Parameters.RoleArn"},"StoppingCondition"',
            '"StoppingCondition"',
            "Missing required",
        ),
        ('"Name":"Evaluate"', '"Name":"Train"', "two steps are called Train"),
        ('"Name":"Evaluate"', '"Name":"Eva luate"', "a step cannot be called 'Eva luate'"),
        (
            "Outputs['prepared']",
            "Outputs['prepaired']",
            "Prepare has no output 'prepaired'; did you mean",
        ),
        (
            '"FilePath":"evaluation.json","OutputName":"evaluation"',
            '"OutputName":"judged"',
            "property file is in output",
        ),
        (
            '"ChannelName":"prepared"',
            '"ChannelName":"pre pared"',
            "ChannelName: 'pre pared' is not as",
        ),
        ('"Type":"Training"', '"Type":"Trainig"', "there is no step type 'Trainig'"),
    ],
)
def test_what_sagemaker_would_refuse_is_named(defined: str, old: str, new: str, words: str) -> None:
    assert old in defined
    with pytest.raises(BadInput) as caught:
        validate(defined.replace(old, new))
    assert words in str(caught.value)
