"""What the app makes of platform.yaml: the same bytes everywhere, with no look-up and no Docker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isthmus import names
from isthmus.config import STAGES, WORKLOADS, Platform
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.cdk.conftest import CHECKOUT

Templates = dict[str, dict[str, Any]]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an assembly but CDK's report of its own validation, which says when it ran."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "validation-report.json"
    }


def test_two_synths_are_the_same_byte_for_byte(assembly: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    again = synthesize(CHECKOUT / "app.py", tmp_path / "again", platform=CHECKOUT / "platform.yaml")
    assert contents(again) == contents(assembly)


def test_a_stack_for_each_account_and_for_each_model_and_team(assembly: Path, platform: Platform) -> None:
    stacks = {stack.name: stack for stack in read_stacks(assembly)}
    accounts = {names.stack(platform, role): getattr(platform.accounts, role) for role in WORKLOADS}
    models = {
        names.model_stack(platform, role, model.name): names.stack(platform, role)
        for model in platform.models
        for role in ("automation", *STAGES)
    }
    teams = {names.team_stack(platform, team.name): names.stack(platform, "dev") for team in platform.teams}
    assert set(stacks) == {*accounts, *models, *teams}
    for name, account in accounts.items():
        assert (stacks[name].account, stacks[name].needs) == (account, frozenset())
    for name, needed in (models | teams).items():
        assert (stacks[name].account, stacks[name].needs) == (accounts[needed], {needed})
    assert all(not stack.terminates for stack in stacks.values())


def test_nothing_is_looked_up(assembly: Path) -> None:
    assert "missing" not in json.loads((assembly / "manifest.json").read_text())


def test_no_custom_resources(templates: Templates) -> None:
    types = {r["Type"] for template in templates.values() for r in template["Resources"].values()}
    assert not {t for t in types if t.startswith("Custom::") or t == "AWS::CloudFormation::CustomResource"}


def test_staging_and_prod_are_the_same_but_for_account_and_stage(
    templates: Templates, platform: Platform
) -> None:
    """But for prod's auditor and fallback, too: nobody proves how staging came about, or compares there."""
    only_prod = {"Auditor", "AuditorPolicy", "Fallback", "FallbackPolicy"}
    mine = templates["prod"]["Resources"]
    assert only_prod == mine.keys() - templates["staging"]["Resources"].keys()
    shared = {name: one for name, one in mine.items() if name not in only_prod}
    staging = json.dumps(templates["staging"], sort_keys=True)
    prod = json.dumps(templates["prod"] | {"Resources": shared}, sort_keys=True)
    assert staging != prod
    as_prod = staging.replace(platform.accounts.staging, platform.accounts.prod).replace("staging", "prod")
    assert as_prod == prod


def test_the_lambda_is_pure_python_and_complete(assembly: Path) -> None:
    (folder,) = assembly.glob("asset.*")
    assert (folder / "bridge" / "handler.py").is_file()
    assert (folder / "aws_lambda_powertools").is_dir()
    names = [path.name for path in folder.rglob("*")]
    assert not [name for name in names if name.endswith((".so", ".pyc")) or name == "RECORD"]
