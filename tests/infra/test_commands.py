"""`isthmus infra` and `isthmus diff`, as a person at the command line uses it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from isthmus.cli import isthmus
from isthmus.errors import BadInput, Problem
from isthmus.infra import synth
from isthmus.infra.manifest import read_stacks
from tests.cdk.conftest import CHECKOUT
from tests.infra.conftest import Cloud


def call(*words: str) -> Result:
    return CliRunner().invoke(isthmus, list(words))


@pytest.fixture(autouse=True)
def in_checkout(monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> None:
    monkeypatch.chdir(CHECKOUT)
    for name, value in cloud.laptop.items():
        monkeypatch.setenv(name, value)


def test_deploy_and_diff_find_that_all_stands(assembly: Path) -> None:
    deployed = call("infra", "deploy", "--assembly", str(assembly))
    assert (deployed.exit_code, deployed.output.count(": done")) == (0, len(read_stacks(assembly)))
    compared = call("diff", "--assembly", str(assembly), "--account", "prod")
    assert compared.output == "isthmus-prod: no change\nisthmus-prod-seattle-rain: no change\n"


BUCKET = {
    "Type": "AWS::S3::Bucket", "Properties": {"BucketName": "rows", "Tags": [{"Key": "a", "Value": "b"}]},
}  # fmt: skip
BEFORE: dict[str, dict[str, Any]] = {
    "Renamed": BUCKET,
    "Tagged": BUCKET,
    "Gone": BUCKET,
    "GoneAndKept": BUCKET | {"DeletionPolicy": "Retain"},
    "Computed": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}},
    # Its Bucket is set when it is made, and refers to one that is made anew.
    "Policy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Renamed"}, "PolicyDocument": {}},
    },
    "Subbed": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Fn::Sub": ["${Of}", {"Of": {"Fn::Sub": "${Renamed}"}}]},
            "PolicyDocument": {},
        },
    },
    "Aside": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Tagged"}}},
    "Typed": BUCKET,
    "Custom": {"Type": "Custom::Thing", "Properties": {"Size": 1}},
    "Nested": {
        "Type": "AWS::SageMaker::Domain",
        "Properties": {"DomainName": "a", "DefaultSpaceSettings": {"ExecutionRole": "r"}},
    },
}
AFTER: dict[str, dict[str, Any]] = {name: one for name, one in BEFORE.items() if "Gone" not in name} | {
    "Renamed": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "other"}},
    "Tagged": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "rows"}},
    "Computed": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "${Name}"}}},
    "Typed": {"Type": "AWS::SNS::Topic", "Properties": {}},
    "Custom": {"Type": "Custom::Thing", "Properties": {"Size": 2}},
    "Nested": {
        "Type": "AWS::SageMaker::Domain",
        "Properties": {"DomainName": "a", "DefaultSpaceSettings": {"ExecutionRole": "s"}},
    },
    "New": BUCKET,
}
FATES = {
    "Computed": "may replace", "Custom": "may replace", "Gone": "delete",
    "GoneAndKept": "delete, and the old one is kept", "Nested": "update", "New": "create",
    "Policy": "may replace", "Renamed": "replace", "Subbed": "may replace",
    "Tagged": "update", "Typed": "replace",
}  # fmt: skip


def test_diff_says_what_would_be_replaced_and_so_does_the_comment(assembly: Path, tmp_path: Path) -> None:
    for side, resources in (("before", BEFORE), ("after", AFTER)):
        copied = shutil.copytree(assembly, tmp_path / side)
        stack = next(one for one in read_stacks(copied) if one.name == "isthmus-prod")
        stack.template.write_text(json.dumps({"Resources": resources}))
    comment = tmp_path / "diff.md"
    compared = call(
        "diff", "--assembly", str(tmp_path / "after"), "--before", str(tmp_path / "before"),
        "--account", "prod", "--markdown", str(comment),
    )  # fmt: skip
    assert compared.exit_code == 0, compared.exception
    lines = [line[4:] for line in compared.output.splitlines() if line.startswith("  ")]
    said = {line.split()[2]: line for line in lines}
    told = {name.rstrip(":"): line.rpartition(": ")[2] for name, line in said.items()}
    assert told == FATES
    text = comment.read_text()
    assert "are or may be replaced or deleted, with what they hold: 7.**" in text
    assert "| `Renamed` | BucketName, Tags | **replace** |" in text
    assert "| `Tagged` | Tags | update |" in text


def test_an_account_that_does_not_exist_is_refused(assembly: Path) -> None:
    result = call("infra", "deploy", "--assembly", str(assembly), "--account", "production")
    assert result.exit_code == 2
    assert "'production' is not one of 'management', 'dev', 'automation', 'staging', 'prod'" in result.output


def test_a_mistake_in_the_platform_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CHECKOUT / "platform.yaml").read_text().replace('prod: "444455556666"', 'prod: "44445555666"')
    (tmp_path / "platform.yaml").write_text(text)
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(tmp_path / "platform.yaml"))
    result = call("infra", "synth", "--output", str(tmp_path / "out"))
    assert isinstance(result.exception, BadInput)
    assert "twelve digits" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_with_other_things_in_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInput, match="no assembly"):
        synth.synthesize(CHECKOUT / "app.py", tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_an_app_that_fails_is_told_in_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise RuntimeError('two stacks of one name')\n")
    with pytest.raises(Problem, match="two stacks of one name") as problem:
        synth.synthesize(tmp_path / "app.py", tmp_path / "out")
    assert "Traceback" not in str(problem.value)
