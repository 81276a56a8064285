"""Static rules, which fail the build: cdk-nag (AwsSolutions, NIST 800-53 R5) and cfn-lint find nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from isthmus.infra.check import check
from tests.cdk.conftest import CHECKOUT

NODE = "from isthmus.infra.node import use_node\nuse_node()\n"
NAG = """
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
from cdk.accounts import application
from isthmus.config import read_platform
app = application(read_platform())
Validations.of(app).add_plugins(AwsSolutionsChecks(app))
Validations.of(app).add_plugins(NIST80053R5Checks(app))
app.synth()
"""


def nag(output: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", NODE + before + NAG],
        cwd=CHECKOUT,
        env=os.environ | {"CDK_OUTDIR": str(output), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cdk_nag_finds_nothing(tmp_path: Path) -> None:
    done = nag(tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_cdk_nag_would_find_something(tmp_path: Path) -> None:
    """Without the excuses it fails on just these, so that a rule pack which stopped working is noticed."""
    silent = "import cdk.parts.excuse as e\ne.excuse = lambda *_: None\n"
    done = nag(tmp_path / "out", silent)
    assert done.returncode != 0
    report = (tmp_path / "out" / "validation-report.json").read_text()
    excused = {rule for rule in EXCUSED if rule in report}
    assert excused == EXCUSED


EXCUSED = {
    "AwsSolutions-IAM5",
    "NIST.800.53.R5-DynamoDBInBackupPlan",
    "NIST.800.53.R5-LambdaConcurrency",
    "NIST.800.53.R5-LambdaDLQ",
    "NIST.800.53.R5-LambdaInsideVPC",
    "NIST.800.53.R5-S3BucketReplicationEnabled",
    "NIST.800.53.R5-S3DefaultEncryptionKMS",
}


def test_excuses_are_few_and_all_known() -> None:
    code = "".join(path.read_text() for path in (CHECKOUT / "cdk").rglob("*.py"))
    calls = re.findall(r"^\s+_?excuse\w*\($|^\s+_?excuse\w*\(\w", code, re.MULTILINE)
    assert 0 < len(calls) < 15
    rules = set(re.findall(r'"((?:AwsSolutions|NIST\.800\.53\.R5)-\w+)"', code)) | {"AwsSolutions-IAM5"}
    assert rules == EXCUSED


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    assert [str(finding) for finding in check(assembly)] == []


def test_cfn_lint_would_find_something(assembly: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in assembly.glob("*.json"):
        (broken / file.name).write_bytes(file.read_bytes())
    template = next(broken.glob("*-dev.template.json"))
    content = json.loads(template.read_text())
    next(iter(content["Resources"].values()))["Properties"]["EnableKeyRotatoin"] = True
    template.write_text(json.dumps(content))
    (finding,) = check(broken)
    assert "EnableKeyRotatoin" in finding.message
