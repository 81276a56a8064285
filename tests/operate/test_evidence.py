"""`isthmus evidence` against a local registry: figures, lineage, and nothing that nobody said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isthmus.errors import BadInput
from tests.local.sagemaker.conftest import BUCKET, Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell, register
from tests.operate.test_commands import fails

EVALUATION = {
    "metric": "auc", "value": 0.73, "ci_low": 0.68, "ci_high": 0.78, "threshold": 0.7, "n": 91, "rows": 365,
    "confidence": 0.95, "target": "rain", "features": ["wind", "a|b <script>"],
    "verdict": "AUC 0.73 ≥ 0.70",
    "champion": {"model_package_arn": f"{GROUP_ARN}/1", "value": 0.71, "ci_low": 0.66, "ci_high": 0.76},
}  # fmt: skip


@pytest.fixture
def compared(aws: Aws) -> str:
    """The number of a version whose evaluation lies where it says."""
    sagemaker, key = aws.client("sagemaker"), "evidence/evaluation.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(EVALUATION).encode())
    arn = register(aws, value=0.73, run_id="81", compared=True)
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected",
        CustomerMetadataProperties={"evaluation_uri": f"s3://{BUCKET}/evidence", "gain_low": "-0.01"},
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


def test_what_was_not_recorded_is_said(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "evidence.md"
    assert "the evidence of seattle-rain/1" in shell.says("evidence", MODEL, "1", "--output", str(file))
    said = file.read_text()
    assert "Not compared with the version in prod: there was none." in said
    assert "The evaluation cannot be read." in said
    assert "| this version | 0.710 | 0.660 to 0.760 |" in said


def test_an_unknown_model_is_told(shell: Shell) -> None:
    assert "did you mean 'seattle-rain'?" in fails(shell, BadInput, "evidence", "seattle-rian")
