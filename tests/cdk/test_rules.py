"""Static rules, which fail the build: cdk-nag (AwsSolutions, NIST 800-53 R5) and cfn-lint find nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.infra.check import check
from tests.cdk.conftest import CHECKOUT, FULL

# In one process, because starting CDK takes longer than all the rules: as it is, and without its excuses.
NAG = """
import sys
from isthmus.infra.node import use_node
use_node()
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
import cdk.parts.excuse
from cdk.accounts import application
from isthmus.config import read_platform

def check(folder):
    app = application(read_platform(), folder)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    Validations.of(app).add_plugins(NIST80053R5Checks(app))
    try:
        app.synth()
    except RuntimeError as error:
        print(error, file=sys.stderr)

check(sys.argv[1])
for module in list(sys.modules.values()):
    if module.__name__.startswith("cdk.") and hasattr(module, "excuse"):
        module.excuse = lambda *_: None
check(sys.argv[2])
"""
EXCUSED = {
    "AwsSolutions-COG4",
    "AwsSolutions-IAM5",
    "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
    "NIST.800.53.R5-APIGWSSLEnabled",
    "NIST.800.53.R5-DynamoDBInBackupPlan",
    "NIST.800.53.R5-LambdaConcurrency",
    "NIST.800.53.R5-LambdaDLQ",
    "NIST.800.53.R5-LambdaInsideVPC",
    "NIST.800.53.R5-S3BucketReplicationEnabled",
    "NIST.800.53.R5-S3DefaultEncryptionKMS",
    "NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
}
# Of a private API without a firewall; the full platform's has one.
EXCUSED_ELSEWHERE = {"AwsSolutions-APIG3", "NIST.800.53.R5-APIGWAssociatedWithWAF"}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """The rules that the app breaks with its excuses, and without them."""
    folders = [tmp_path_factory.mktemp("nag") / name for name in ("excused", "unexcused")]
    done = subprocess.run(
        [sys.executable, "-c", NAG, *map(str, folders)],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "ISTHMUS_PLATFORM": str(FULL)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return rules(folders[0]), rules(folders[1])


def rules(folder: Path) -> set[str]:
    """The rules named in CDK's report; that it is written at all shows that the plugins were asked."""
    report = (folder / "validation-report.json").read_text()
    return set(re.findall(r"(?:AwsSolutions|NIST\.800\.53\.R5)-\w+", report))


def test_cdk_nag_finds_nothing(findings: tuple[set[str], set[str]]) -> None:
    assert findings[0] == set()


def test_each_excuse_is_needed(findings: tuple[set[str], set[str]]) -> None:
    """And so the rule packs do work: without the excuses they find just these."""
    assert findings[1] == EXCUSED


def test_excuses_are_few_and_all_known() -> None:
    code = "".join(path.read_text() for path in (CHECKOUT / "cdk").rglob("*.py"))
    calls = re.findall(r"^\s+_?excuse\w*\($|^\s+_?excuse\w*\(\w", code, re.MULTILINE)
    assert 0 < len(calls) < 15
    rules = set(re.findall(r'"((?:AwsSolutions|NIST\.800\.53\.R5)-\w+)"', code)) | {"AwsSolutions-IAM5"}
    assert rules == EXCUSED | EXCUSED_ELSEWHERE


def test_cfn_lint_finds_nothing_but_what_is_put_there(full: Path, tmp_path: Path) -> None:
    """One run for both: all templates are clean, and a misspelt property would not pass."""
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in full.glob("*.json"):
        (broken / file.name).write_bytes(file.read_bytes())
    template = next(broken.glob("*-dev.template.json"))
    content = json.loads(template.read_text())
    next(iter(content["Resources"].values()))["Properties"]["EnableKeyRotatoin"] = True
    template.write_text(json.dumps(content))
    assert ["EnableKeyRotatoin" in finding.message for finding in check(broken)] == [True]
