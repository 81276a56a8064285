"""Studio: domains, people, spaces and apps through boto3, and what stands in the way of deleting them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import DEV, REGION, Aws

ARN = f"arn:aws:sagemaker:{REGION}:{DEV}"


@pytest.fixture(scope="module")
def studio(aws: Aws) -> Any:
    return aws.client("sagemaker", DEV)


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    """The role of scientists, which gives dana, in Studio, her own private spaces and what is in them."""
    return aws.role("scientist", [_owning("Space", "space"), _owning("App", "app")], DEV)


def _owning(noun: str, kind: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": [f"sagemaker:Create{noun}", f"sagemaker:Delete{noun}"],
        "Resource": f"{ARN}:{kind}/*",
        "Condition": {
            "ArnLike": {"sagemaker:OwnerUserProfileArn": f"{ARN}:user-profile/*/dana"},
            "StringEquals": {"sagemaker:UserProfileName": "dana", "sagemaker:SpaceSharingType": "Private"},
        },
    }


@pytest.fixture
def domain(studio: Any, role: str) -> Iterator[str]:
    made = studio.create_domain(
        DomainName="research",
        AuthMode="IAM",
        VpcId="vpc-1",
        SubnetIds=["subnet-1"],
        AppNetworkAccessType="VpcOnly",
        HomeEfsFileSystemCreation="Disabled",
        DefaultUserSettings={"ExecutionRole": role, "SecurityGroups": ["sg-1"]},
        DomainSettings={"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"},
        Tags=[{"Key": "team", "Value": "rain"}],
    )
    yield made["DomainId"]
    for app in studio.list_apps(DomainIdEquals=made["DomainId"])["Apps"]:
        if app["Status"] != "Deleted":
            named = {key: app[key] for key in ("DomainId", "SpaceName", "AppType", "AppName")}
            studio.delete_app(**named)
    for space in studio.list_spaces(DomainIdEquals=made["DomainId"])["Spaces"]:
        studio.delete_space(DomainId=made["DomainId"], SpaceName=space["SpaceName"])
    for person in studio.list_user_profiles(DomainIdEquals=made["DomainId"])["UserProfiles"]:
        studio.delete_user_profile(DomainId=made["DomainId"], UserProfileName=person["UserProfileName"])
    studio.delete_domain(DomainId=made["DomainId"])


def space_of(owner: str, name: str = "") -> dict[str, Any]:
    return {
        "SpaceName": name or f"{owner}s",
        "SpaceSettings": {"AppType": "JupyterLab"},
        "OwnershipSettings": {"OwnerUserProfileName": owner},
        "SpaceSharingSettings": {"SharingType": "Private"},
    }


def test_a_domain_is_as_it_was_made_and_changed(studio: Any, domain: str) -> None:
    found = studio.describe_domain(DomainId=domain)
    assert (found["Status"], found["AppNetworkAccessType"]) == ("InService", "VpcOnly")
    assert studio.list_tags(ResourceArn=found["DomainArn"])["Tags"] == [{"Key": "team", "Value": "rain"}]
    studio.update_domain(DomainId=domain, TagPropagation="ENABLED")
    assert studio.describe_domain(DomainId=domain)["TagPropagation"] == "ENABLED"
    assert [one["DomainId"] for one in studio.list_domains()["Domains"]] == [domain]


def test_a_domain_is_deleted_after_its_apps_spaces_and_people(studio: Any, domain: str) -> None:
    studio.create_user_profile(DomainId=domain, UserProfileName="dana")
    studio.create_space(DomainId=domain, **space_of("dana"))
    app = {"DomainId": domain, "SpaceName": "danas", "AppType": "JupyterLab", "AppName": "default"}
    studio.create_app(**app)
    in_the_way = ["App", "Space", "UserProfile"]
    clear = [
        lambda: studio.delete_app(**app),
        lambda: studio.delete_space(DomainId=domain, SpaceName="danas"),
        lambda: studio.delete_user_profile(DomainId=domain, UserProfileName="dana"),
    ]
    for noun, delete in zip(in_the_way, clear, strict=True):
        with pytest.raises(ClientError, match=rf"ResourceInUse.*because {noun}\(s\) are associated"):
            studio.delete_domain(DomainId=domain)
        delete()
    # A deleted app is shown for a while, and is in nobody's way.
    assert studio.describe_app(**app)["Status"] == "Deleted"


def test_a_person_with_an_app_or_a_space_stays(studio: Any, domain: str) -> None:
    studio.create_user_profile(DomainId=domain, UserProfileName="dana")
    studio.create_space(DomainId=domain, **space_of("dana"))
    with pytest.raises(ClientError, match=r"Unable to delete UserProfile .* because Space\(s\)"):
        studio.delete_user_profile(DomainId=domain, UserProfileName="dana")


def test_lists_are_filtered(studio: Any, domain: str) -> None:
    for name in ("dana", "erin"):
        studio.create_user_profile(DomainId=domain, UserProfileName=name)
    found = studio.list_user_profiles(DomainIdEquals=domain, UserProfileNameContains="ERI")["UserProfiles"]
    assert [one["UserProfileName"] for one in found] == ["erin"]
    assert studio.list_user_profiles(DomainIdEquals="d-other")["UserProfiles"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"HomeEfsFileSystemCreation": "Enabled"}, "makes no file system"),
        ({"DefaultUserSettings": {"ExecutionRole": "ROLE"}}, "SecurityGroups must be given"),
        ({"DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::1:role/x"}}, "executionRole"),
        ({"AuthMode": "LDAP"}, "enum value set"),
    ],
)
def test_a_domain_that_would_not_work_is_refused(
    studio: Any, role: str, change: dict[str, Any], message: str
) -> None:
    request = {
        "DomainName": "research",
        "AuthMode": "IAM",
        "VpcId": "vpc-1",
        "SubnetIds": ["subnet-1"],
        "AppNetworkAccessType": "VpcOnly",
        "HomeEfsFileSystemCreation": "Disabled",
        "DefaultUserSettings": {"ExecutionRole": role, "SecurityGroups": ["sg-1"]},
    }
    wrong = json.loads(json.dumps(request | change).replace("ROLE", role))
    with pytest.raises(ClientError, match=message):
        studio.create_domain(**wrong)


def test_an_app_is_of_its_spaces_kind_and_once(studio: Any, domain: str) -> None:
    studio.create_user_profile(DomainId=domain, UserProfileName="dana")
    studio.create_space(DomainId=domain, **space_of("dana"))
    app = {"DomainId": domain, "SpaceName": "danas", "AppName": "default"}
    with pytest.raises(ClientError, match="has AppType JupyterLab"):
        studio.create_app(AppType="CodeEditor", **app)
    studio.create_app(AppType="JupyterLab", **app)
    with pytest.raises(ClientError, match="ResourceInUse"):
        studio.create_app(AppType="JupyterLab", **app)


class TestInStudio:
    """What a person does there, with the credentials that an app gives her programs."""

    @pytest.fixture
    def dana(self, aws: Aws, studio: Any, domain: str) -> Any:
        for name in ("dana", "erin"):
            studio.create_user_profile(DomainId=domain, UserProfileName=name)
        url = studio.create_presigned_domain_url(DomainId=domain, UserProfileName="dana")["AuthorizedUrl"]
        with urllib.request.urlopen(url) as answer:
            given = json.load(answer)
        return boto3.client(
            "sagemaker",
            region_name=REGION,
            endpoint_url=aws.url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["Token"],
        )

    def test_she_has_her_own_spaces_and_apps_only(self, dana: Any, studio: Any, domain: str) -> None:
        dana.create_space(DomainId=domain, **space_of("dana"))
        app = {"DomainId": domain, "AppType": "JupyterLab", "AppName": "default"}
        dana.create_app(SpaceName="danas", **app)
        with pytest.raises(ClientError, match="AccessDenied"):
            dana.create_space(DomainId=domain, **space_of("erin"))
        studio.create_space(DomainId=domain, **space_of("erin"))
        with pytest.raises(ClientError, match="AccessDenied"):
            dana.create_app(SpaceName="erins", **app)
        with pytest.raises(ClientError, match="AccessDenied"):
            dana.delete_space(DomainId=domain, SpaceName="erins")

    def test_outside_of_studio_the_role_has_none(self, aws: Aws, dana: Any, domain: str) -> None:
        outside = aws.client("sagemaker", DEV, "scientist")
        with pytest.raises(ClientError, match="AccessDenied"):
            outside.create_space(DomainId=domain, **space_of("dana"))

    def test_a_url_that_nobody_made_opens_nothing(self, aws: Aws) -> None:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{aws.url}/_isthmus/studio/guessed")
