"""Static rules, which fail the build: cdk-nag, cfn-lint and checkov find nothing that is not excused.

On every variant of a platform; what is excused stands beside its resource, with a reason, and in
docs/security.md.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from isthmus.infra.check import Finding, check_templates
from tests.cdk.conftest import CHECKOUT

CHECKOV = Path(sys.prefix) / "checkov/bin/checkov"
Excuses = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def excuses(variants: Path) -> Excuses:
    """By its place in the code: each excuse's reason, and the rules that it lets be broken."""
    made: Excuses = json.loads((variants / "excuses.json").read_text())
    return made


def broken(assemblies: Path) -> set[str]:
    """The rules of cdk-nag that are broken; that it reports at all shows that it was asked."""
    reports = [(folder / "validation-report.json").read_text() for folder in assemblies.iterdir()]
    return {rule for text in reports for rule in re.findall(r"(?:AwsSolutions|NIST\.800\.53\.R5)-\w+", text)}


def test_cdk_nag_finds_nothing(variants: Path) -> None:
    assert broken(variants / "excused") == set()


def test_each_excuse_is_needed(variants: Path, excuses: Excuses) -> None:
    """And so the rule packs do work: without the excuses they find just these."""
    excused = {rule for one in excuses.values() for rules in one.values() for rule in rules}
    assert broken(variants / "plain") == {rule for rule in excused if rule[:3] in ("Aws", "NIS")}


def test_excuses_are_few_and_all_made(excuses: Excuses) -> None:
    written = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno}"
        for path in (CHECKOUT / "cdk").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "excuse"
    ]
    assert sorted(written) == sorted(excuses)
    assert 0 < len(written) < 15


def test_the_documentation_lists_them_all(excuses: Excuses) -> None:
    page = (CHECKOUT / "docs/security.md").read_text().split("## What is excused")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {(where.strip(" `"), why.strip(), rules.strip()) for where, why, rules in rows}
    assert told == {
        (place.partition(":")[0], why, ", ".join(rules))
        for place, one in excuses.items()
        for why, rules in one.items()
    }


def test_there_is_no_other_way_to_excuse() -> None:
    """No suppression that another mechanism makes, and no configuration that switches a rule off."""
    code = {path: path.read_text() for path in (CHECKOUT / "cdk").rglob("*.py") if path.name != "excuse.py"}
    words = re.compile(
        r"NagSuppressions|acknowledge\(|Acknowledgment\(|add_metadata|cfn_nag|checkov:skip|ignore_checks"
    )
    assert [str(path) for path, text in code.items() if words.search(text)] == []
    files = {".checkov.yaml", ".checkov.yml", ".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml"}
    assert not [name for name in files if (CHECKOUT / name).exists()]


# ---------------------------------------------------------------- rules about templates


BROKEN = "broken.template.json"


@pytest.fixture(scope="module")
def templates(variants: Path) -> Path:
    """A folder with each template once, and one that is broken in two things: not everything passes."""
    # A hyphen, because checkov takes 40 letters of a path for a secret.
    folder = variants / "all-templates"
    folder.mkdir()
    found = {alike(path.read_text()): path for path in sorted(variants.glob("excused/*/*.template.json"))}
    for path in found.values():
        (folder / f"{path.parent.name}.{path.name}").write_bytes(path.read_bytes())
    template = json.loads((variants / "excused/default/isthmus-dev.template.json").read_text())
    last = {one["Type"]: one["Properties"] for one in template["Resources"].values()}
    last["AWS::S3::Bucket"]["PublicAccessBlockConfiguration"]["BlockPublicAcls"] = False
    last["AWS::KMS::Key"]["EnableKeyRotatoin"] = True
    (folder / BROKEN).write_text(json.dumps(template))
    return folder


def alike(template: str) -> str:
    """Accounts that are alike, and models, have the same templates but for their names."""
    for one, other in (("333344445555", "444455556666"), ("staging", "prod"), ("churn-risk", "seattle-rain")):
        template = template.replace(one, other)
    return template


@pytest.fixture(scope="module")
def findings(templates: Path) -> tuple[list[Finding], dict[str, Any]]:
    """What cfn-lint and what checkov say; side by side, for each takes its time."""
    with ThreadPoolExecutor() as pool:
        linted = pool.submit(check_templates, sorted(templates.iterdir()))
        checked = pool.submit(checkov, templates)
        return linted.result(), checked.result()


def checkov(folder: Path) -> dict[str, Any]:
    """checkov's report; it has an environment of its own, for its requirements contradict ours."""
    assert CHECKOV.exists(), "checkov is not installed: make install"
    argv = [CHECKOV, "--directory", ".", "--framework", "cloudformation", "--skip-download", "--quiet"]
    done = subprocess.run(
        [*argv, "--output", "json"], cwd=folder, capture_output=True, text=True, check=False
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_cfn_lint_finds_nothing_but_what_is_put_there(
    findings: tuple[list[Finding], dict[str, Any]],
) -> None:
    (found,) = findings[0]
    assert found.template == BROKEN and "EnableKeyRotatoin" in found.message


def test_checkov_finds_nothing_but_what_is_put_there(
    findings: tuple[list[Finding], dict[str, Any]], templates: Path
) -> None:
    report = findings[1]
    failed = [(one["check_id"], one["file_path"].lstrip("/")) for one in report["results"]["failed_checks"]]
    assert failed == [("CKV_AWS_53", BROKEN)]
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 20 * len(list(templates.iterdir()))
