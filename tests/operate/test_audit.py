"""`isthmus audit` against a local AWS and Azure DevOps, in each of its formats."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from isthmus.audit.rules import RULES
from isthmus.azure import provision
from isthmus.azure.client import Client
from isthmus.azure.contents import Folders
from isthmus.config import read_platform
from isthmus.errors import Problem
from tests.local.azure_devops.standin import StandIn
from tests.operate.conftest import ARTIFACTS, CHECKOUT, MODEL, Aws, Shell
from tests.operate.test_pending import signed_in

ASKED = [rule.id for rule in RULES if rule.id != "role-width"]


def test_the_table_names_each_rule_and_what_breaks_it(shell: Shell, azure: StandIn) -> None:
    done = shell.run("audit", **signed_in(azure))
    assert done.exit_code == 1, done.exception
    rules = [line.split()[1] for line in done.output.splitlines() if line[:1] in "✓✗" and line.strip()]
    assert rules == ASKED
    assert "✓ version-approver" in done.output
    assert f"✗ version-commit     Every version in prod is built from the commit that it names.\n    {MODEL}/1: its commit is not one: c0ffee" in done.output  # fmt: skip  # noqa: E501
    assert "✓ deployment-guards" in done.output
    assert "✓ no-stored-token" in done.output


def test_the_formats_agree(shell: Shell, azure: StandIn, tmp_path: Path) -> None:
    found = json.loads(shell.run("audit", "--format", "json", **signed_in(azure)).output)
    broken = [one["rule"] for one in found["findings"]]
    assert "version-run" in broken and "deployment-run" in broken
    sarif = json.loads(shell.run("audit", "--format", "sarif", **signed_in(azure)).output)
    (run,) = sarif["runs"]
    assert (sarif["version"], [one["id"] for one in run["tool"]["driver"]["rules"]]) == ("2.1.0", ASKED)
    assert [one["ruleId"] for one in run["results"]] == broken
    assert all(
        run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"]
    )
    file = tmp_path / "audit.xml"
    shell.run("audit", "--format", "junit", "--output", str(file), **signed_in(azure))
    failed = [case.get("name", "").partition(":")[0] for case in ElementTree.parse(file).iter("testcase")
              if case.find("failure") is not None]  # fmt: skip
    assert failed == list(dict.fromkeys(broken))


def test_the_metric_is_what_the_evaluation_found_and_not_what_the_registry_says(
    shell: Shell, azure: StandIn, aws: Aws
) -> None:
    """The version's metadata say 0.71."""
    found = {"metric": "auc", "value": 0.71, "threshold": 0.7, "higher_is_better": True, "gain": None}
    where = {"Bucket": ARTIFACTS, "Key": f"{MODEL}/runs/41/evaluation.json"}
    said = shell.run("audit", **signed_in(azure)).output
    assert f"{MODEL}/1: no evaluation with its metric is where its build left it: s3://{ARTIFACTS}/" in said
    try:
        aws.client("s3").put_object(**where, Body=json.dumps(found | {"meets_threshold": True}).encode())
        assert "✓ version-metric" in shell.run("audit", **signed_in(azure)).output
        low = found | {"value": 0.61, "meets_threshold": False}
        aws.client("s3").put_object(**where, Body=json.dumps(low).encode())
        said = shell.run("audit", **signed_in(azure)).output
        assert f"{MODEL}/1: auc 0.61 does not reach its bar 0.7" in said
        aws.client("s3").put_object(**where, Body=b"[]")
        assert "no evaluation with its metric" in shell.run("audit", **signed_in(azure)).output
    finally:
        aws.client("s3").delete_object(**where)


def test_a_guard_that_was_taken_away_is_found_until_it_is_back(
    shell: Shell, azure: StandIn, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = Client(azure.organization_url, "weather", azure.token("admin"))
    environments = admin.get("distributedtask/environments")["value"]
    prod = next(one["id"] for one in environments if one["name"] == "prod")
    query = {"resourceType": "environment", "resourceId": prod}
    checks = admin.get("pipelines/checks/configurations", version="7.1-preview.1", **query)["value"]
    lock = next(one["id"] for one in checks if one["type"]["name"] == "ExclusiveLock")
    admin.call("DELETE", f"pipelines/checks/configurations/{lock}", None, "7.1-preview.1")
    said = shell.run("audit", **signed_in(azure)).output
    assert "environment prod: not as platform.yaml asks: + exclusive lock on environment prod" in said
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure.organization_url)
    provision.apply(read_platform(CHECKOUT / "platform.yaml"), folders, token=azure.token("admin"))
    assert "✓ deployment-guards" in shell.run("audit", **signed_in(azure)).output


def test_an_audit_that_cannot_be_made_ends_with_two(shell: Shell) -> None:
    done = shell.run("audit")
    assert isinstance(done.exception, Problem)
    assert done.exception.exit_code == 2
    assert "not signed in to Azure DevOps" in str(done.exception)
