"""`isthmus infra check` refuses a template with a key that nobody could administer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus.cli import isthmus
from isthmus.infra.lockout import locked_out
from isthmus.infra.manifest import read_stacks
from tests.infra.lab import DEV as ACCOUNT

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ADMINISTER = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:PutKeyPolicy", "Resource": "*"}


def key(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy, **more}}}}


@pytest.mark.parametrize(
    "statement",
    [
        ADMINISTER,
        ADMINISTER | {"Action": ["kms:Describe*", "kms:Put*"]},
        ADMINISTER | {"Action": "kms:*"},
        ADMINISTER | {"Principal": {"AWS": [f"{ACCOUNT}"]}},
        ADMINISTER | {"Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}},
    ],
)
def test_a_key_that_the_account_administers_passes(statement: dict[str, Any]) -> None:
    assert list(locked_out(key(statement), ACCOUNT)) == []


@pytest.mark.parametrize(
    "template",
    [
        key(),
        key(ADMINISTER | {"Action": "kms:Decrypt"}),
        key(ADMINISTER | {"Effect": "Deny"}),
        key(ADMINISTER | {"Principal": {"AWS": "arn:aws:iam::999988887777:root"}}),
        key(ADMINISTER | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/deleted-tomorrow"}}),
        key(ADMINISTER | {"Principal": {"Service": "logs.amazonaws.com"}}),
        key(ADMINISTER | {"Condition": {"StringEquals": {"aws:PrincipalArn": "nobody"}}}),
        key(ADMINISTER, {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}),
        key(ADMINISTER, {"Effect": "Deny", "Principal": {"AWS": "*"}, "NotAction": "kms:Decrypt"}),
        key(ADMINISTER, BypassPolicyLockoutSafetyCheck=True),
    ],
)
def test_a_key_that_would_lock_everybody_out_is_found(template: dict[str, Any]) -> None:
    assert [name for name, _ in locked_out(template, ACCOUNT)] == ["Key"]


def test_check_says_which_key_and_why(assembly: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(assembly, tmp_path / "assembly"))
    stack = next(one for one in read_stacks(copy) if one.account == ACCOUNT)
    template = json.loads(stack.template.read_text())
    name, found = next(one for one in template["Resources"].items() if one[1]["Type"] == "AWS::KMS::Key")
    found["Properties"]["KeyPolicy"]["Statement"] = found["Properties"]["KeyPolicy"]["Statement"][1:]
    stack.template.write_text(json.dumps(template, indent=1))
    done = CliRunner().invoke(isthmus, ["infra", "check", "--assembly", str(copy)])
    assert done.exit_code != 0
    assert f"nobody could change the key {name}: its policy lets the account's root not change it" in str(
        done.output
    ) + str(done.exception)
