"""What deployments may do in an account: the one policy of CloudFormation's role there, and its boundary.

Every role that a deployment makes must carry the same boundary, so none can do more than its maker. What
each of those roles may do is for the stacks to say.
"""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.config import AccountRole

Statement = dict[str, Any]
# The services of the stacks' resources, and what roles call at run time.
SERVICES = (
    "aoss",
    "apigateway",
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "ecr",
    "elasticfilesystem",
    "emr-serverless",
    "events",
    "execute-api",
    "firehose",
    "glue",
    "kms",
    "lambda",
    "logs",
    "oam",
    "osis",
    "sagemaker",
    "sagemaker-mlflow",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "tag",
    "wafv2",
    "xray",
)
# In those services, what no stack of the platform needs: machines, and ways to the internet.
NEVER = (
    "ec2:AllocateAddress",
    "ec2:CreateEgressOnlyInternetGateway",
    "ec2:CreateInternetGateway",
    "ec2:CreateKeyPair",
    "ec2:CreateNatGateway",
    "ec2:CreateVpcPeeringConnection",
    "ec2:CreateVpnGateway",
    "ec2:ImportKeyPair",
    "ec2:RunInstances",
)
# What makes or widens a role: only where the role carries the boundary.
MAKE_ROLES = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
)
KEEP_ROLES = (
    "iam:DeleteRole",
    "iam:PassRole",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)
KEEP_POLICIES = (
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:TagPolicy",
    "iam:UntagPolicy",
)
KEEP_PROVIDERS = (
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:DeleteOpenIDConnectProvider",
    "iam:RemoveClientIDFromOpenIDConnectProvider",
    "iam:TagOpenIDConnectProvider",
    "iam:UntagOpenIDConnectProvider",
    "iam:UpdateOpenIDConnectProviderThumbprint",
)
# Roles that AWS services make for themselves in an account the first time that they are used there.
SERVICE_LINKED = (
    "apigateway.amazonaws.com",
    "management.chatbot.amazonaws.com",
    "observability.aoss.amazonaws.com",
    "ops.emr-serverless.amazonaws.com",
    "osis.amazonaws.com",
    "sagemaker.amazonaws.com",
    "sagemaker.application-autoscaling.amazonaws.com",
    "vpc.lambda.amazonaws.com",
)
BECOME = (
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
    "sts:GetWebIdentityToken",
    "sts:SetSourceIdentity",
    "sts:TagSession",
)
# Studio with IAM Identity Center, whose instance is the organization's and may be in another region.
SIGN_IN = (
    "identitystore:DescribeUser",
    "identitystore:ListUsers",
    "sso:AssociateProfile",
    "sso:CreateApplication",
    "sso:CreateManagedApplicationInstance",
    "sso:DeleteApplication",
    "sso:DeleteManagedApplicationInstance",
    "sso:DescribeInstance",
    "sso:DisassociateProfile",
    "sso:GetManagedApplicationInstance",
    "sso:ListInstances",
    "sso:PutApplicationAccessScope",
    "sso:PutApplicationAssignmentConfiguration",
    "sso:PutApplicationAuthenticationMethod",
    "sso:PutApplicationGrant",
)
ORGANIZE = (
    "organizations:AttachPolicy",
    "organizations:CreateAccount",
    "organizations:CreateOrganizationalUnit",
    "organizations:CreatePolicy",
    "organizations:DeleteOrganizationalUnit",
    "organizations:DeletePolicy",
    "organizations:DescribeAccount",
    "organizations:DescribeCreateAccountStatus",
    "organizations:DescribeOrganization",
    "organizations:DescribeOrganizationalUnit",
    "organizations:DescribePolicy",
    "organizations:DetachPolicy",
    "organizations:ListAccounts",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListParents",
    "organizations:ListPolicies",
    "organizations:ListRoots",
    "organizations:ListTagsForResource",
    "organizations:ListTargetsForPolicy",
    "organizations:MoveAccount",
    "organizations:TagResource",
    "organizations:UntagResource",
    "organizations:UpdateOrganizationalUnit",
    "organizations:UpdatePolicy",
)
BUDGET = (
    "billing:GetBillingViewData",
    "budgets:ListTagsForResource",
    "budgets:ModifyBudget",
    "budgets:TagResource",
    "budgets:UntagResource",
    "budgets:ViewBudget",
)
# What nobody does to the bootstrap itself.
TOOLKIT = ("cloudformation:*", "ssm:DeleteParameter*", "ssm:PutParameter")


def document(platform: str, role: AccountRole, account: str, region: str) -> dict[str, Any]:
    """The policy document for the account that plays `role` in the platform of that name."""
    where = (platform, account, region)
    statements = _management(*where) if role == "management" else _workload(*where)
    assets = f"arn:aws:s3:::{names.asset_bucket(account, region)}"
    return {
        "Version": "2012-10-17",
        "Statement": [*statements, _allow("Assets", ("s3:GetObject",), f"{assets}/*")],
    }


def _management(platform: str, account: str, region: str) -> list[Statement]:
    # No account is closed: member accounts are retained when the stack goes.
    return [
        _allow("Organize", ORGANIZE, "*"),
        _allow("Budgets", BUDGET, f"arn:aws:budgets::{account}:budget/*"),
        _allow("Become", BECOME, "*"),
        *_roles(platform, account, region),
        _deny("Toolkit", TOOLKIT, _toolkit(account, region)),
    ]


def _workload(platform: str, account: str, region: str) -> list[Statement]:
    linked = {"StringEquals": {"iam:AWSServiceName": list(SERVICE_LINKED)}}
    here = {"StringEquals": {"aws:RequestedRegion": region}}
    service_roles = f"arn:aws:iam::{account}:role/aws-service-role/*"
    return [
        _allow("Services", [f"{service}:*" for service in SERVICES], "*", here),
        _allow("Buckets", ("s3:*",), [f"arn:aws:s3:::{platform}-*"]),
        _allow("Chat", ("chatbot:*",), "*"),
        _allow("SignIn", SIGN_IN, "*"),
        _allow("Become", BECOME, "*"),
        *_roles(platform, account, region),
        _allow("ServiceLinked", ("iam:CreateServiceLinkedRole",), service_roles, linked),
        _deny("Never", NEVER, "*"),
        _deny("Toolkit", TOOLKIT, _toolkit(account, region)),
    ]


def _roles(platform: str, account: str, region: str) -> list[Statement]:
    """The platform's roles: each carries this boundary, so none can do more than its maker."""
    iam = f"arn:aws:iam::{account}:"
    carries = {"StringEquals": {"iam:PermissionsBoundary": f"{iam}policy/{names.boundary(account, region)}"}}
    return [
        _allow("ReadIdentities", ("iam:Get*", "iam:List*"), "*"),
        _allow("MakeRoles", MAKE_ROLES, f"{iam}role/{platform}-*", carries),
        _allow("KeepRoles", KEEP_ROLES, f"{iam}role/{platform}-*"),
        _allow("KeepPolicies", KEEP_POLICIES, f"{iam}policy/{platform}-*"),
        _allow("KeepProviders", KEEP_PROVIDERS, f"{iam}oidc-provider/*"),
    ]


def _toolkit(account: str, region: str) -> list[str]:
    return [
        f"arn:aws:cloudformation:{region}:{account}:stack/CDKToolkit/*",
        f"arn:aws:ssm:{region}:{account}:parameter/cdk-bootstrap/*",
    ]


def _allow(sid: str, actions: Any, resources: Any, conditions: dict[str, Any] | None = None) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def _deny(sid: str, actions: Any, resources: Any) -> Statement:
    return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": resources}
