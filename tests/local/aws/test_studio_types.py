"""CloudFormation makes Studio and MLflow: readable through SageMaker's API, changed in place, deleted."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role
from tests.local.conftest import ACCOUNTS, Aws

DEV = ACCOUNTS["dev"]
ROLE = f"arn:aws:iam::{DEV}:role/studio-person"
SCRIPT = base64.b64encode(b"echo ready").decode()
RESOURCES: dict[str, Any] = {
    "Script": {
        "Type": "AWS::SageMaker::StudioLifecycleConfig",
        "Properties": {
            "StudioLifecycleConfigName": "studio-types",
            "StudioLifecycleConfigAppType": "JupyterLab",
            "StudioLifecycleConfigContent": SCRIPT,
        },
    },
    "Domain": {
        "Type": "AWS::SageMaker::Domain",
        "Properties": {
            "DomainName": "studio-types",
            "AuthMode": "IAM",
            "VpcId": "vpc-1",
            "SubnetIds": ["subnet-1"],
            "AppNetworkAccessType": "VpcOnly",
            "HomeEfsFileSystemCreation": "Disabled",
            "DefaultUserSettings": {"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"]},
            "DomainSettings": {"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"},
        },
    },
    "Person": {
        "Type": "AWS::SageMaker::UserProfile",
        "Properties": {
            "DomainId": {"Ref": "Domain"},
            "UserProfileName": "dana",
            "UserSettings": {
                "ExecutionRole": ROLE,
                "JupyterLabAppSettings": {
                    "LifecycleConfigArns": [{"Fn::GetAtt": ["Script", "StudioLifecycleConfigArn"]}]
                },
            },
            "Tags": [{"Key": "team", "Value": "rain"}],
        },
    },
    "Runs": {
        "Type": "AWS::SageMaker::MlflowApp",
        "Properties": {"Name": "studio-types", "ArtifactStoreUri": "s3://runs/rain/", "RoleArn": ROLE},
    },
    "Server": {
        "Type": "AWS::SageMaker::MlflowTrackingServer",
        "Properties": {
            "TrackingServerName": "studio-types",
            "ArtifactStoreUri": "s3://runs/rain/",
            "RoleArn": ROLE,
        },
    },
}
OUTPUTS = {
    "Domain": {"Value": {"Ref": "Domain"}},
    "Runs": {"Value": {"Fn::GetAtt": ["Runs", "MlflowVersion"]}},
}


@pytest.fixture(scope="module")
def cloudformation(aws: Aws) -> Any:
    make_role(aws, DEV, "studio-person", allow("s3:GetObject", "*"), trusts="sagemaker.amazonaws.com")
    return aws.client("cloudformation", DEV)


@pytest.fixture(scope="module")
def sagemaker(aws: Aws) -> Any:
    return aws.client("sagemaker", DEV)


@pytest.fixture
def stack(cloudformation: Any) -> Iterator[str]:
    name = "studio-types"
    cloudformation.create_stack(StackName=name, TemplateBody=template())
    assert settled(cloudformation, name) == "CREATE_COMPLETE", reasons(cloudformation, name)
    yield name
    cloudformation.delete_stack(StackName=name)
    assert settled(cloudformation, name) == "DELETE_COMPLETE", reasons(cloudformation, name)


def template(**changes: dict[str, Any]) -> str:
    resources = json.loads(json.dumps(RESOURCES))
    for name, properties in changes.items():
        resources[name]["Properties"] |= properties
    return json.dumps({"Resources": resources, "Outputs": OUTPUTS})


def settled(cloudformation: Any, name: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError:
            return "DELETE_COMPLETE"
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return str(stack["StackStatus"])
    raise AssertionError(f"{name} is still {stack['StackStatus']}")


def reasons(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return " | ".join(event.get("ResourceStatusReason", "") for event in events)


def outputs(cloudformation: Any, name: str) -> dict[str, str]:
    (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def test_what_the_template_says_is_there(cloudformation: Any, sagemaker: Any, stack: str) -> None:
    said = outputs(cloudformation, stack)
    assert sagemaker.describe_domain(DomainId=said["Domain"])["DomainName"] == "studio-types"
    person = sagemaker.describe_user_profile(DomainId=said["Domain"], UserProfileName="dana")
    (script,) = person["UserSettings"]["JupyterLabAppSettings"]["LifecycleConfigArns"]
    kept = sagemaker.describe_studio_lifecycle_config(StudioLifecycleConfigName=script.rsplit("/")[-1])
    assert kept["StudioLifecycleConfigContent"] == SCRIPT
    tags = sagemaker.list_tags(ResourceArn=person["UserProfileArn"])["Tags"]
    assert {"Key": "team", "Value": "rain"} in tags
    (app,) = sagemaker.list_mlflow_apps()["Summaries"]
    assert app["MlflowVersion"] == said["Runs"]
    server = sagemaker.describe_mlflow_tracking_server(TrackingServerName="studio-types")
    assert (server["TrackingServerSize"], server["IsActive"]) == ("Small", "Active")


def test_a_change_keeps_the_domain_and_its_people(cloudformation: Any, sagemaker: Any, stack: str) -> None:
    domain = outputs(cloudformation, stack)["Domain"]
    changed = template(
        Domain={"TagPropagation": "ENABLED", "DomainSettings": {"SecurityGroupIds": ["sg-2"]}},
        Person={"Tags": [{"Key": "team", "Value": "snow"}]},
        Server={"TrackingServerSize": "Medium"},
        Runs={"ModelRegistrationMode": "AutoModelRegistrationDisabled"},
    )
    cloudformation.update_stack(StackName=stack, TemplateBody=changed)
    assert settled(cloudformation, stack) == "UPDATE_COMPLETE", reasons(cloudformation, stack)
    assert outputs(cloudformation, stack)["Domain"] == domain
    found = sagemaker.describe_domain(DomainId=domain)
    assert found["TagPropagation"] == "ENABLED"
    assert found["DomainSettings"]["SecurityGroupIds"] == ["sg-2"]
    person = sagemaker.describe_user_profile(DomainId=domain, UserProfileName="dana")["UserProfileArn"]
    assert {"Key": "team", "Value": "snow"} in sagemaker.list_tags(ResourceArn=person)["Tags"]
    server = sagemaker.describe_mlflow_tracking_server(TrackingServerName="studio-types")
    assert server["TrackingServerSize"] == "Medium"


def test_a_running_app_keeps_the_stack(cloudformation: Any, sagemaker: Any, stack: str) -> None:
    domain = outputs(cloudformation, stack)["Domain"]
    sagemaker.create_space(
        DomainId=domain,
        SpaceName="danas",
        SpaceSettings={"AppType": "JupyterLab"},
        OwnershipSettings={"OwnerUserProfileName": "dana"},
        SpaceSharingSettings={"SharingType": "Private"},
    )
    app = {"DomainId": domain, "SpaceName": "danas", "AppType": "JupyterLab", "AppName": "default"}
    sagemaker.create_app(**app)
    cloudformation.delete_stack(StackName=stack)
    assert settled(cloudformation, stack) == "DELETE_FAILED"
    assert "because Space(s) are associated with it" in reasons(cloudformation, stack)
    sagemaker.delete_app(**app)
    sagemaker.delete_space(DomainId=domain, SpaceName="danas")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Domain": {"HomeEfs": "Disabled"}}, "HomeEfs"),
        ({"Person": {"UserSettings": {"ExecutionRole": ROLE, "Rolle": 1}}}, "Rolle"),
        ({"Script": {"StudioLifecycleConfigContent": "not base64!"}}, "not base64"),
    ],
)
def test_what_the_api_does_not_know_fails_and_leaves_nothing(
    cloudformation: Any, sagemaker: Any, change: dict[str, Any], reason: str
) -> None:
    cloudformation.create_stack(StackName="studio-wrong", TemplateBody=template(**change))
    assert settled(cloudformation, "studio-wrong") == "ROLLBACK_COMPLETE"
    assert reason in reasons(cloudformation, "studio-wrong")
    assert sagemaker.list_domains()["Domains"] == []
    cloudformation.delete_stack(StackName="studio-wrong")
