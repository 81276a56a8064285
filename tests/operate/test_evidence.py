"""`isthmus evidence` against a local registry: figures, lineage, and nothing that nobody said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isthmus.build import summary
from isthmus.build.follow import Result
from isthmus.config import read_model, read_platform
from isthmus.errors import BadInput
from isthmus.operate import registry
from isthmus.operate.evidence import page
from isthmus.operate.gain import recorded
from isthmus.operate.show import metric
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import BUCKET, Aws
from tests.operate.conftest import CHECKOUT, GROUP_ARN, MODEL, Shell, register, signed_in
from tests.operate.test_commands import fails

EVALUATION = {
    "metric": "auc", "value": 0.73, "ci_low": 0.68, "ci_high": 0.78, "threshold": 0.7, "n": 91, "rows": 365,
    "confidence": 0.95, "target": "rain", "features": ["wind", "a|b <script>"],
    "verdict": "AUC 0.73 ≥ 0.70",
    "champion": {"model_package_arn": f"{GROUP_ARN}/1", "value": 0.71, "ci_low": 0.66, "ci_high": 0.76},
    "higher_is_better": True, "compute": {"instance_type": "ml.m5.large", "instance_count": 2},
    "small_groups": 3, "fewest_rows": 30,
    "slices": [
        {"slice": "wind up to 3", "n": 45, "value": 0.6, "ci_low": 0.5, "ci_high": 0.7},
        {"slice": "wind over 3", "n": 46, "value": 0.8, "ci_low": 0.7, "ci_high": 0.9},
    ],
}  # fmt: skip
DRIFT = [
    {"feature": "wind", "psi": 0.43, "chance": 0.001, "drifted": True},
    {"feature": "rain", "psi": 0.03, "chance": 0.7, "drifted": False},
]


@pytest.fixture
def compared(aws: Aws) -> str:
    """The number of a version whose evaluation lies where it says."""
    sagemaker, key = aws.client("sagemaker"), "evidence/evaluation.json"
    for name, content in ((key, EVALUATION), ("evidence/training_drift.json", DRIFT)):
        aws.client("s3").put_object(Bucket=BUCKET, Key=name, Body=json.dumps(content).encode())
    arn = register(aws, value=0.73, run_id="81", compared=True)
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected",
        CustomerMetadataProperties={"evaluation_uri": f"s3://{BUCKET}/evidence",
                                    "baseline_uri": f"s3://{BUCKET}/evidence", "gain_low": "-0.01"},
    )  # fmt: skip
    return arn.rpartition("/")[2]


def test_the_page_has_both_versions_with_intervals_and_calls_noise_noise(shell: Shell, compared: str) -> None:
    said = shell.says("evidence", MODEL, compared)
    assert "| this version | 0.730 | 0.680 to 0.780 |" in said
    assert f"| in prod: {MODEL}/1 | 0.710 | 0.660 to 0.760 |" in said
    assert "| bar | 0.7 | |" in said
    assert "**The gain is inside noise**" in said
    assert "91 rows that the judged models were not trained on, of 365" in said
    assert "- commit: `c0ffee`" in said and "_build/results?buildId=81" in said
    assert "@sha256:" in said
    assert "a/b (script)" in said
    assert f"isthmus approve {MODEL} {compared} --comment WHY" in said


def test_what_is_approved_is_not_to_be_decided(shell: Shell, aws: Aws) -> None:
    arn = register(aws, value=0.73, run_id="82")
    assert "## How to decide" in shell.says("evidence", MODEL, arn.rpartition("/")[2])
    aws.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert "## How to decide" not in shell.says("evidence", MODEL, arn.rpartition("/")[2])


def test_the_page_has_slices_and_how_far_the_training_rows_have_moved(shell: Shell, compared: str) -> None:
    said = shell.says("evidence", MODEL, compared)
    assert "| wind up to 3 | 45 | 0.600 | 0.500 to 0.700 | **worse than the whole** |" in said
    assert "3 groups had fewer than 30 rows, or too few of a class, and are left out." in said
    assert "| wind over 3 | 46 | 0.800 | 0.700 to 0.900 |  |" in said
    assert "| wind | 0.43 | 0.001 | **moved** |" in said and "| rain | 0.03 | 0.7 |  |" in said
    assert "How long its jobs took is not known here, or not any more." in said


def test_figures_are_as_exact_as_their_interval(aws: Aws) -> None:
    """Where a figure is in thousands its third decimal says nothing, and a bar is shown whole."""
    large = {"metric": "mae", "value": 34999.35, "ci_low": 30848.52, "ci_high": 39000.4, "threshold": 1234567}
    version = registry.find(aws.client("sagemaker"), MODEL, "1")
    said = page(read_platform(CHECKOUT / "platform.yaml"), version, EVALUATION | large)
    assert "| this version | 34999 | 30849 to 39000 |" in said and "| bar | 1234567 | |" in said
    assert metric(large) == "mae 34999 [30849, 39000]"
    gain = {
        "gain": "3456.7",
        "gain_low": "3000.1",
        "gain_high": "4100",
        "champion": f"{GROUP_ARN}/1",
        "n": "91",
    }
    assert (
        str(recorded(gain | {"champion": f"{GROUP_ARN}/1"}))
        == "gain 3457 [3000, 4100] over version 1 on the same 91 rows"
    )
    summed = summary.markdown(
        read_model(CHECKOUT / "model-build" / "model.yaml"),
        Result("arn", "Succeeded", "good", evaluation=large | {"gain": large}),
    )
    assert "| this | 34999 | 30849 to 39000 |" in summed and "Gain 34999 (30849 to 39000) on the" in summed


def test_the_cost_is_that_of_a_price_that_was_said_and_else_unknown(shell: Shell, aws: Aws) -> None:
    platform = read_platform(CHECKOUT / "platform.yaml")
    version = registry.find(aws.client("sagemaker"), MODEL, "1")
    jobs = {"Prepare": 600.0, "Train": 1200.0}
    said = page(platform, version, EVALUATION, seconds=jobs)
    assert "- jobs: Prepare 600 s, Train 1200 s;" in said
    assert "- cost: unknown: platform.yaml, prices, names no price of ml.m5.large" in said
    priced = platform.model_copy(update={"prices": {"ml.m5.large": 0.12}})
    assert "- cost: at most 0.12 on 2 ml.m5.large at 0.12 an hour" in page(
        priced, version, EVALUATION, seconds=jobs
    )


def test_what_was_not_recorded_is_said(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "evidence.md"
    assert "the evidence of seattle-rain/1" in shell.says("evidence", MODEL, "1", "--output", str(file))
    said = file.read_text()
    assert "Not compared with the version in prod: there was none." in said
    assert "The evaluation cannot be read." in said
    assert "| this version | 0.710 | 0.660 to 0.760 |" in said


def test_an_unknown_model_is_told(shell: Shell) -> None:
    assert "did you mean 'seattle-rain'?" in fails(shell, BadInput, "evidence", "seattle-rian")


HOSTILE = {
    "nested": "[" * 200_000,
    "types": json.dumps(EVALUATION | {"slices": [1]}),
    "a figure": json.dumps(EVALUATION | {"value": "0.9"}),
    "not a number": json.dumps(EVALUATION | {"value": float("nan")}),
    "beyond numbers": json.dumps(EVALUATION | {"value": 10**400}),
    "too many digits": json.dumps(EVALUATION).replace("0.73", "9" * 5000),
    "infinite": json.dumps(EVALUATION).replace("0.73", "1e400"),
    "a null byte": "\x00",
    "large": json.dumps(EVALUATION | {"verdict": "x" * 4_000_000}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_job_wrote_hides_no_version_and_it_is_said_why_it_cannot_be_read(
    shell: Shell, aws: Aws, compared: str, content: str
) -> None:
    for name in ("evaluation.json", "training_drift.json"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"evidence/{name}", Body=content.encode())
    said = shell.says("evidence", MODEL, compared)
    assert f"# Version {compared} of {MODEL}" in said
    assert "**Not readable:** evaluation.json" in said and "training_drift.json" in said
    assert "- commit: `c0ffee`" in said


def test_figures_that_are_none_are_not_listed_as_figures(shell: Shell, aws: Aws) -> None:
    arn = register(aws, value=float("nan"), run_id="82")
    waiting = {one["version"]: one for one in shell.json("pending")["waiting"]}
    assert waiting[arn]["metric"] == {}


def test_the_page_has_what_the_gates_found_in_staging(
    shell: Shell, azure: StandIn, aws: Aws, compared: str
) -> None:
    assert "Not known: no run is recorded that deployed it to staging." in shell.says(
        "evidence", MODEL, compared
    )
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=f"{GROUP_ARN}/{compared}", CustomerMetadataProperties={"staging_run_id": "1"}
    )
    assert "Not known: not signed in to Azure DevOps" in shell.says("evidence", MODEL, compared)
    none = shell.says("evidence", MODEL, compared, **signed_in(azure))
    assert "Not known: run 1 has published none." in none
    admin = azure.person("admin")
    suite = admin.post("test/runs", {"name": "Gates of staging", "build": {"id": "1"}})["id"]
    admin.post(
        f"test/runs/{suite}/results",
        [{"testCaseTitle": "latency", "outcome": "Passed"},
         {"testCaseTitle": "schema", "outcome": "Passed"},
         {"testCaseTitle": "cost", "outcome": "NotExecuted", "errorMessage": "not tested: no price"},
         {"testCaseTitle": "quality", "outcome": "Failed", "errorMessage": "AUC 0.61 < 0.70"}],
    )  # fmt: skip
    said = shell.says("evidence", MODEL, compared, **signed_in(azure))
    assert "1 of 4 failed, 1 not tested, in [run 1](" in said and "_build/results?buildId=1)" in said
    passed = said.index("| Gates of staging: latency, schema | 2 passed | |")
    failed = said.index("| Gates of staging: quality | ")
    assert failed < passed
    assert "AUC 0.61" in said[failed:passed]
    assert "| Gates of staging: cost | not tested | no price |" in said
