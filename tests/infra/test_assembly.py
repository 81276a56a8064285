"""Deploying an assembly: all accounts at once, again for nothing, and what a failure tells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Problem, Refused, Unavailable
from isthmus.infra.assembly import deploy, deploy_stack
from isthmus.infra.diff import deployed, differences
from isthmus.infra.manifest import read_stacks
from isthmus.infra.roles import Roles
from tests.infra.conftest import Cloud


def test_all_four_accounts_are_deployed(cloud: Cloud, assembly: Path) -> None:
    for stack in read_stacks(assembly):
        cfn = cloud.aws.client("cloudformation", stack.account)
        found = cfn.describe_stacks(StackName=stack.name)["Stacks"][0]
        assert found["StackStatus"] == "CREATE_COMPLETE"
        assert f"{stack.name}: done" in cloud.said
    assert cloud.seconds < 20


def test_deploying_again_changes_nothing(cloud: Cloud, assembly: Path) -> None:
    said: list[str] = []
    deploy(cloud.administrator(), assembly, say=said.append)
    assert not [line for line in said if "changing" in line]


def test_only_the_named_accounts_are_deployed(cloud: Cloud, assembly: Path, platform: Platform) -> None:
    outputs = deploy(cloud.administrator(), assembly, accounts=[platform.accounts.dev])
    assert list(outputs) == [f"{platform.name}-dev", f"{platform.name}-dev-weather"]


def test_what_stands_is_what_the_template_says(cloud: Cloud, assembly: Path) -> None:
    for stack in read_stacks(assembly):
        wanted = json.loads(stack.template.read_text())["Resources"]
        roles = Roles(cloud.administrator(), stack.region)
        assert differences(deployed(roles, stack), wanted) == []


def test_a_long_template_goes_through_the_asset_bucket(
    cloud: Cloud, assembly: Path, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.infra.assembly.INLINE", 10)
    changed = shutil.copytree(assembly, tmp_path / "changed")
    manifest = json.loads((changed / "manifest.json").read_text())
    for artifact in manifest["artifacts"].values():
        artifact.get("properties", {}).setdefault("tags", {})["owner"] = "ada"
    (changed / "manifest.json").write_text(json.dumps(manifest))
    said: list[str] = []
    deploy_stack(cloud.administrator(), changed, f"{platform.name}-dev", say=said.append)
    deploy_stack(cloud.administrator(), assembly, f"{platform.name}-dev", say=said.append)
    assert said == [f"{platform.name}-dev: changing", f"{platform.name}-dev: done"] * 2


@pytest.fixture
def broken(assembly: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An assembly whose only stack cannot be made: its bucket has the name of one that is there already."""
    folder = tmp_path / "broken"
    folder.mkdir()
    manifest = json.loads((assembly / "manifest.json").read_text())
    name = next(n for n, a in manifest["artifacts"].items() if n.endswith("-dev") and "stack" in a["type"])
    stack = manifest["artifacts"][name]
    stack["properties"]["stackName"] = "isthmus-broken"
    stack["dependencies"] = []
    manifest["artifacts"] = {"broken": stack}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    template = folder / stack["properties"]["templateFile"]
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}
    role = {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "Properties": {"ModelPackageGroupName": "not a name!"},
        "DependsOn": ["Fine"],
    }
    template.write_text(json.dumps({"Resources": {"Fine": key, "Wrong": role}}))
    return folder, template


def test_a_failure_names_the_resource_and_its_reason_and_can_be_mended(
    cloud: Cloud, broken: tuple[Path, Path]
) -> None:
    folder, template = broken
    with pytest.raises(
        Problem, match=r"stack isthmus-broken ended in ROLLBACK_COMPLETE: Wrong \(AWS::SageMaker"
    ):
        deploy_stack(cloud.administrator(), folder, "isthmus-broken")
    content = json.loads(template.read_text())
    del content["Resources"]["Wrong"]
    template.write_text(json.dumps(content))
    said: list[str] = []
    deploy_stack(cloud.administrator(), folder, "isthmus-broken", say=said.append)
    assert said[0] == "isthmus-broken: its creation had failed, so it is deleted first"
    assert said[-1] == "isthmus-broken: done"


def test_a_stack_that_is_not_there_is_named_with_those_that_are(
    cloud: Cloud, assembly: Path, platform: Platform
) -> None:
    with pytest.raises(NotFound, match="no stack 'isthmus-test'") as problem:
        deploy_stack(cloud.administrator(), assembly, "isthmus-test")
    assert f"{platform.name}-prod" in problem.value.todo


def test_who_may_not_deploy_is_refused(cloud: Cloud, assembly: Path, platform: Platform) -> None:
    import boto3

    held = cloud.person(platform.accounts.automation, f"{platform.name}-operator")
    operator = boto3.Session(
        held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"], region_name=platform.region
    )
    with pytest.raises(Refused, match=r"does not let you act as cdk-"):
        deploy_stack(operator, assembly, f"{platform.name}-prod")


def test_without_aws_it_says_so(assembly: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nobody = boto3.Session("test", "test", region_name=platform.region)
    with pytest.raises(Unavailable, match="no answer from AWS"):
        deploy_stack(nobody, assembly, f"{platform.name}-dev")


def test_a_folder_that_is_no_assembly(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "nothing", ignore_errors=True)
    with pytest.raises(BadInput, match="not a CDK cloud assembly"):
        read_stacks(tmp_path / "nothing")
