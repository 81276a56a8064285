"""SageMaker Studio: the account's domain, reached through its VPC only, and what scientists may do in it.

A domain has no file system of its own: each space has an encrypted volume, which goes with the space.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import (
    Conditions,
    Statement,
    allow,
    make_policy,
    sagemaker,
    service,
    tagged_role,
)
from cdk.parts.lifecycle import Script
from cdk.parts.network import Network
from cdk.parts.scientists import STUDIO
from cdk.parts.team_tag import BORN_WITH, OWN
from isthmus import names
from isthmus.config import Platform, Studio
from isthmus.resource_types import aws_sagemaker, aws_ssm

PERSON = "${sagemaker:DomainId}/${sagemaker:UserProfileName}"
"""In a policy: the user profile that works in Studio."""
INSTANCE = "ml.t3.medium"


def studio_domain(
    scope: Construct, platform: Platform, studio: Studio, *, data_key: str, network: Network
) -> None:
    """The domain, written down; who has no user profile of a team has a role that may do nothing."""
    script = Script(scope, platform)
    settings = {
        "executionRole": _nobody(scope, platform),
        "securityGroups": [network.security_group],
        "jupyterLabAppSettings": _app(studio, script.jupyter_lab),
        "codeEditorAppSettings": _app(studio, script.code_editor),
    }
    domain = aws_sagemaker.CfnDomain(
        scope,
        "Studio",
        domain_name=platform.name,
        auth_mode="IAM" if studio.sign_in == "iam" else "SSO",
        vpc_id=network.vpc,
        subnet_ids=list(network.subnets),
        app_network_access_type="VpcOnly",
        kms_key_id=data_key,
        home_efs_file_system_creation="Disabled",
        tag_propagation="ENABLED",
        default_user_settings={**settings, "studioWebPortal": "ENABLED", "defaultLandingUri": "studio::"},
        domain_settings={"executionRoleIdentityConfig": "USER_PROFILE_NAME"},
    )
    _policy(scope, platform, studio, script)
    aws_ssm.CfnParameter(
        scope,
        "StudioDomain",
        type="String",
        name=names.studio_parameter(platform),
        value=domain.attr_domain_id,
        description="Teams have their user profiles in this domain",
    )


def _nobody(scope: Construct, platform: Platform) -> str:
    role = tagged_role(
        scope,
        "Nobody",
        names.nobody_role(platform),
        trust=service("sagemaker.amazonaws.com", Stack.of(scope).account),
        description="Studio without a team: may do nothing",
        policies=[],
    )
    arn: str = role.attr_arn
    return arn


def _app(studio: Studio, script: str) -> dict[str, Any]:
    """Apps at rest are shut down, and nobody can put that off further."""
    idle = {
        "lifecycleManagement": "ENABLED",
        "idleTimeoutInMinutes": studio.idle_minutes,
        "maxIdleTimeoutInMinutes": studio.idle_minutes,
    }
    return {
        "appLifecycleManagement": {"idleSettings": idle},
        "defaultResourceSpec": {"instanceType": INSTANCE, "lifecycleConfigArn": script},
        "lifecycleConfigArns": [script],
    }


def _policy(scope: Construct, platform: Platform, studio: Studio, script: Script) -> None:
    stack = Stack.of(scope)
    make_policy(
        scope,
        "StudioPolicy",
        names.policy(platform, STUDIO),
        "For each person's own spaces: scientists in Studio",
        [
            *_own_spaces(stack),
            *_see(stack),
            *(_sign_in(stack) if studio.sign_in == "iam" else []),
            *_mlflow(stack, studio),
            allow("s3:GetObject", script.isthmus_arn),
        ],
    )


def _own_spaces(stack: Stack) -> list[Statement]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-jl-admin-guide-permissions.html"""
    own: Conditions = {
        "ArnLike": {"sagemaker:OwnerUserProfileArn": sagemaker(stack, f"user-profile/{PERSON}")},
        "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
    }
    spaces, apps = sagemaker(stack, "space/${sagemaker:DomainId}/*", "app/${sagemaker:DomainId}/*")
    return [
        allow(["sagemaker:CreateSpace", "sagemaker:DeleteSpace", "sagemaker:UpdateSpace"], spaces, own),
        allow(["sagemaker:CreateApp", "sagemaker:DeleteApp"], apps, own),
        # Studio tags what it makes, while it makes it.
        allow("sagemaker:AddTags", [apps, spaces], BORN_WITH),
    ]


def _see(stack: Stack) -> list[Statement]:
    """What Studio's pages show: who and what is in the domain, and nothing of what it holds."""
    of_domain = sagemaker(stack, "app/*", "domain/*", "space/*", "user-profile/*")
    nouns = ("App", "Domain", "Space", "UserProfile")
    return [
        allow([f"sagemaker:Describe{noun}" for noun in nouns], of_domain),
        allow([f"sagemaker:List{noun}s" for noun in nouns], "*"),
    ]


def _sign_in(stack: Stack) -> list[Statement]:
    """Open Studio as oneself: as the user profile that the session was taken for, of one's own team."""
    profile = sagemaker(stack, "user-profile/*/${aws:SourceIdentity}")
    return [allow("sagemaker:CreatePresignedDomainUrl", profile, OWN)]


def _mlflow(stack: Stack, studio: Studio) -> list[Statement]:
    if studio.mlflow == "none":
        return []
    from cdk.parts.mlflow import use_mlflow

    return use_mlflow(stack, studio)
