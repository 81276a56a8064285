"""The template of the CDK bootstrap stack: less than CDK's own makes, but what its contract asks for.

https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html (the template contract). There are no
images to publish and nothing is looked up by CDK, so the registry and administrator's rights are left out;
the boundary is added.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.config.stages import NEW
from isthmus.errors import BadInput
from isthmus.infra import boundary

STACK = "CDKToolkit"
# Of CDK's template whose roles, bucket and parameter these are: `cdk bootstrap --show-template`.
VERSION = "33"
VARIANT = "Isthmus"
READ_STACKS = (
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStackResourceDrifts",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:DetectStackDrift",
    "cloudformation:DetectStackResourceDrift",
    "cloudformation:GetTemplate",
    "cloudformation:ListChangeSets",
    "cloudformation:ListStackResources",
)
# These name no stack.
READ_ANY = (
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudformation:GetTemplateSummary",
    "cloudformation:ListStacks",
    "cloudformation:ValidateTemplate",
    "sts:GetCallerIdentity",
)
CHANGE_STACKS = (
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
    "cloudformation:TagResource",
    "cloudformation:UpdateStack",
    "cloudformation:UpdateTerminationProtection",
)
Resource = dict[str, Any]


@dataclass(frozen=True)
class Toolkit:
    """The bootstrap stack of the account that plays `role` in the platform called `platform`.

    Principals of the account `trusted` (automation) may deploy there.
    """

    platform: str
    role: AccountRole
    account: str
    region: str
    trusted: str

    @classmethod
    def of(cls, platform: Platform, role: AccountRole) -> Toolkit:
        account = getattr(platform.accounts, role)
        if account in (None, NEW):
            raise BadInput(f"there is no {role} account yet", where=f"platform.yaml, accounts.{role}")
        return cls(platform.name, role, account, platform.region, platform.accounts.automation)

    @property
    def revision(self) -> str:
        """Which boundary stands in an account, as its own parameter says."""
        return hashlib.sha256(json.dumps(self._document(), sort_keys=True).encode()).hexdigest()[:12]

    def _document(self) -> dict[str, Any]:
        return boundary.document(self.platform, self.role, self.account, self.region)

    def template(self) -> dict[str, Any]:
        """The template, without anything to fill in."""
        bucket = names.asset_bucket(self.account, self.region)
        return {
            "Description": f"What deploys the stacks of {self.platform} in this account, {self.role}",
            # The CDK command line never overwrites a bootstrap of another variant.
            "Parameters": {"BootstrapVariant": {"Type": "String", "Default": VARIANT}},
            "Resources": {
                "StagingBucket": _bucket(bucket),
                "StagingBucketPolicy": _only_by_tls(bucket),
                "Boundary": self._boundary(),
                "DeploymentActionRole": self._role("deploy", self._deploy()),
                "FilePublishingRole": self._role("file-publishing", self._publish()),
                "LookupRole": self._role(
                    "lookup",
                    [*self._look(), *self._examine()],
                    ["arn:aws:iam::aws:policy/SecurityAudit"],
                ),
                "CloudFormationExecutionRole": self._execution_role(),
                "CdkBootstrapVersion": _parameter("version", VERSION),
                "BoundaryRevision": _parameter("boundary", self.revision),
            },
            "Outputs": {
                "BucketName": {"Value": {"Ref": "StagingBucket"}},
                "BucketDomainName": {"Value": {"Fn::GetAtt": "StagingBucket.RegionalDomainName"}},
                "BootstrapVersion": {"Value": VERSION},
                "BootstrapVariant": {"Value": {"Ref": "BootstrapVariant"}},
            },
        }

    def _boundary(self) -> Resource:
        properties = {
            "ManagedPolicyName": names.boundary(self.account, self.region),
            "Description": "What deployments, and the roles that they make, can do at most",
            "PolicyDocument": self._document(),
        }
        return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}

    def _execution_role(self) -> Resource:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        trust["Principal"] = {"Service": "cloudformation.amazonaws.com"}  # type: ignore[assignment]
        properties = {
            "RoleName": names.bootstrap_role(self.account, self.region, "cfn-exec"),
            "AssumeRolePolicyDocument": _document(trust),
            "ManagedPolicyArns": [{"Ref": "Boundary"}],
            "PermissionsBoundary": {"Ref": "Boundary"},
        }
        return {"Type": "AWS::IAM::Role", "Properties": properties}

    def _role(self, kind: str, statements: list[Any], managed: list[str] | None = None) -> Resource:
        # The automation account may still be to be made; management is bootstrapped again then.
        accounts = sorted({self.account, self.trusted} - {NEW})
        principal = {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
        nobodys_deputy = {"Null": {"sts:ExternalId": "true"}}
        properties = {
            "RoleName": names.bootstrap_role(self.account, self.region, kind),
            "AssumeRolePolicyDocument": _document(
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": principal,
                    "Condition": nobodys_deputy,
                },
                {"Effect": "Allow", "Action": "sts:TagSession", "Principal": principal},
            ),
            "Policies": [{"PolicyName": kind, "PolicyDocument": _document(*statements)}],
            "Tags": [{"Key": "aws-cdk:bootstrap-role", "Value": kind}],
        }
        return {
            "Type": "AWS::IAM::Role",
            "Properties": properties | ({"ManagedPolicyArns": managed} if managed else {}),
        }

    def _look(self) -> list[Any]:
        where = f"arn:aws:cloudformation:{self.region}:{self.account}:stack"
        parameters = f"arn:aws:ssm:{self.region}:{self.account}:parameter/cdk-bootstrap/{names.BOOTSTRAP}/*"
        return [
            _allow(READ_STACKS, [f"{where}/{self.platform}-*", f"{where}/{STACK}/*"]),
            _allow(READ_ANY, "*"),
            _allow(["ssm:GetParameter", "ssm:GetParameters"], parameters),
        ]

    def _examine(self) -> list[Any]:
        """What `isthmus doctor` asks beside SecurityAudit: who shares versions, and how much there may be."""
        groups = f"arn:aws:sagemaker:{self.region}:{self.account}:model-package-group/*"
        return [
            _allow("sagemaker:GetModelPackageGroupPolicy", groups),
            _allow(["servicequotas:ListAWSDefaultServiceQuotas", "servicequotas:ListServiceQuotas"], "*"),
        ]

    def _deploy(self) -> list[Any]:
        stacks = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.platform}-*"
        execution = names.role_arn(self.account, names.bootstrap_role(self.account, self.region, "cfn-exec"))
        to_cloudformation = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        return [
            *self._look(),
            _allow(CHANGE_STACKS, stacks),
            _allow("iam:PassRole", execution) | {"Condition": to_cloudformation},
            *self._read_assets(),
        ]

    def _read_assets(self) -> list[Any]:
        bucket = f"arn:aws:s3:::{names.asset_bucket(self.account, self.region)}"
        return [
            _allow(["s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:ListBucket"], bucket),
            _allow("s3:GetObject", f"{bucket}/*"),
        ]

    def _publish(self) -> list[Any]:
        bucket = f"arn:aws:s3:::{names.asset_bucket(self.account, self.region)}"
        parameters = f"arn:aws:ssm:{self.region}:{self.account}:parameter/cdk-bootstrap/{names.BOOTSTRAP}/*"
        return [
            *self._read_assets(),
            _allow(["s3:AbortMultipartUpload", "s3:PutObject"], f"{bucket}/*"),
            _allow(["ssm:GetParameter", "ssm:GetParameters"], parameters),
        ]


def _bucket(name: str) -> Resource:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    rules = [
        {
            "Id": "CleanupOldVersions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        },
        {
            "Id": "AbortIncompleteMultipartUploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    properties = {
        "BucketName": name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {"Rules": rules},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {"Type": "AWS::S3::Bucket", **kept, "Properties": properties}


def _only_by_tls(bucket: str) -> Resource:
    deny = {
        "Sid": "AllowSSLRequestsOnly",
        "Effect": "Deny",
        "Action": "s3:*",
        "Principal": "*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    properties = {"Bucket": {"Ref": "StagingBucket"}, "PolicyDocument": _document(deny)}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}


def _parameter(name: str, value: str) -> Resource:
    properties = {"Name": f"/cdk-bootstrap/{names.BOOTSTRAP}/{name}", "Type": "String", "Value": value}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties}


def _allow(actions: Any, resources: Any) -> Resource:
    listed = [actions] if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Action": listed, "Resource": resources}


def _document(*statements: Any) -> Resource:
    return {"Version": "2012-10-17", "Statement": list(statements)}
