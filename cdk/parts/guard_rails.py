"""Guard rails: the service control policies that no principal of a member account gets beyond, root included.

At most four, because five may be attached to an account and AWS attaches one of its own; each under 5,120
characters. They limit and allow nothing. The management account is beyond their reach, as AWS has it.
"""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.config import Platform
from isthmus.instances import OWN_KEYS

Statement = dict[str, Any]
# Services without regions, or whose one endpoint is elsewhere:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html
GLOBAL = (
    "account:*",
    "aws-portal:*",
    "billing:*",
    "budgets:*",
    "ce:*",
    "chatbot:*",
    "cloudfront:*",
    "consolidatedbilling:*",
    "cur:*",
    "ec2:DescribeRegions",
    "freetier:*",
    "globalaccelerator:*",
    "health:*",
    "iam:*",
    "identitystore:*",
    "invoicing:*",
    "organizations:*",
    "payments:*",
    "pricing:*",
    "route53:*",
    "s3:GetAccountPublicAccessBlock",
    "s3:ListAllMyBuckets",
    "savingsplans:*",
    "shield:*",
    "sso:*",
    "sts:*",
    "support:*",
    "tax:*",
    "trustedadvisor:*",
)
LEAVE = (
    "account:CloseAccount",
    "account:DisableRegion",
    "account:EnableRegion",
    "organizations:LeaveOrganization",
)
LONG_LIVED = (
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:CreateUser",
    "iam:UpdateLoginProfile",
    "iam:UploadSigningCertificate",
    "iam:UploadSSHPublicKey",
)
CHANGE_ROLES = (
    "iam:AttachRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
)
BLIND = (
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "config:DeleteConfigurationRecorder",
    "config:DeleteDeliveryChannel",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "guardduty:UpdateDetector",
)
PUBLIC_ACLS = ("authenticated-read", "public-read", "public-read-write")
WRITE_ACLS = (
    "s3:CreateBucket",
    "s3:PutBucketAcl",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
)
# Jobs on machines that are named in the request; those of the second list name none.
JOBS = (
    "sagemaker:CreateDataQualityJobDefinition",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateModelQualityJobDefinition",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
)
SCHEDULE = "sagemaker:CreateMonitoringSchedule"
UNATTENDED = ("sagemaker:CreateAutoMLJob", "sagemaker:CreateAutoMLJobV2", "sagemaker:CreateLabelingJob")
NOTEBOOKS = ("sagemaker:CreateDomain", "sagemaker:CreateNotebookInstance")


def guard_rails(platform: Platform) -> dict[str, dict[str, Any]]:
    """The policies' documents by name: what all of it is about."""
    return {
        "regions": _document(*_regions(platform)),
        "identities": _document(*_identities(platform)),
        "data": _document(*_data(platform)),
        "machines": _document(*_machines()),
    }


def _regions(platform: Platform) -> list[Statement]:
    more = platform.organization.regions if platform.organization else []
    allowed = sorted({platform.region, *more})
    return [
        {
            "Sid": "OtherRegions",
            "Effect": "Deny",
            "NotAction": list(GLOBAL),
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": allowed}},
        }
    ]


def _identities(platform: Platform) -> list[Statement]:
    protected = [
        f"arn:aws:iam::*:{kind}/{name}-*"
        for kind in ("policy", "role")
        for name in (f"cdk-{names.BOOTSTRAP}", platform.name)
    ]
    return [
        _deny("Leave", LEAVE),
        _deny("LongLivedCredentials", LONG_LIVED),
        _deny("RolesOfThePlatform", CHANGE_ROLES, protected, _unless(platform, administrators=True)),
        _deny("Records", BLIND, conditions=_unless(platform, administrators=True)),
    ]


def _data(platform: Platform) -> list[Statement]:
    no_volume_key = {"Null": {"sagemaker:VolumeKmsKeyArn": "true"}}
    # A schedule names machines and keys, or a definition that does.
    no_output_key = {"sagemaker:OutputKmsKeyArn": "true", "sagemaker:InstanceTypes": "false"}
    # A machine that encrypts its disks with a key of its own takes no other.
    needs_key = {"ForAnyValue:StringNotLike": {"sagemaker:InstanceTypes": list(OWN_KEYS)}}
    return [
        _deny("PublicAccount", ["s3:PutAccountPublicAccessBlock"]),
        _deny("PublicBuckets", ["s3:PutBucketPublicAccessBlock"], conditions=_unless(platform)),
        _deny("PublicAcls", WRITE_ACLS, conditions={"StringEquals": {"s3:x-amz-acl": list(PUBLIC_ACLS)}}),
        _deny("UnencryptedVolumes", [*JOBS, SCHEDULE], conditions=no_volume_key | needs_key),
        _deny("UnencryptedDisks", [*UNATTENDED, *NOTEBOOKS], conditions=no_volume_key),
        _deny(
            "UnencryptedOutputs",
            [*JOBS, *UNATTENDED],
            conditions={"Null": {"sagemaker:OutputKmsKeyArn": "true"}},
        ),
        _deny("UnencryptedSchedules", [SCHEDULE], conditions={"Null": no_output_key}),
    ]


def _machines() -> list[Statement]:
    version = "sagemaker:MinimumInstanceMetadataServiceVersion"
    return [
        _deny(
            "MetadataWithoutToken",
            ["ec2:RunInstances"],
            ["arn:aws:ec2:*:*:instance/*"],
            {"StringNotEquals": {"ec2:MetadataHttpTokens": "required"}},
        ),
        _deny("MetadataOptions", ["ec2:ModifyInstanceMetadataOptions"]),
        _deny("RolesWithoutToken", ["*"], conditions={"NumericLessThan": {"ec2:RoleDelivery": "2.0"}}),
        _deny(
            "NotebooksWithoutToken",
            ["sagemaker:CreateNotebookInstance"],
            conditions={"StringNotEquals": {version: "2"}},
        ),
        _deny(
            "NotebooksBackToNone",
            ["sagemaker:UpdateNotebookInstance"],
            conditions={"StringEquals": {version: "1"}},
        ),
    ]


def _unless(platform: Platform, *, administrators: bool = False) -> dict[str, Any]:
    """For everybody but CloudFormation, which deploys the platform, and those who bootstrap accounts."""
    exempt = [f"cdk-{names.BOOTSTRAP}-cfn-exec-role-*"]
    if administrators and platform.organization:
        exempt.append(platform.organization.access_role)
    return {"ArnNotLike": {"aws:PrincipalArn": [f"arn:aws:iam::*:role/{name}" for name in exempt]}}


def _deny(
    sid: str, actions: Any, resources: Any = "*", conditions: dict[str, Any] | None = None
) -> Statement:
    statement = {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def _document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
