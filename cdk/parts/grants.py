"""Permissions: statements that name actions and resources, policies that hold them, roles that have them.

Statements are plain data. Roles of one kind share one managed policy, in which `MODEL` stands for the model
that the role is tagged with: so the number of models changes no policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.excuse import excuse
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_iam

Statement = dict[str, Any]
Conditions = Mapping[str, Mapping[str, Any]]
Principal = tuple[dict[str, Any], Conditions]
"""Who, as an element of a policy, and under which conditions."""

WITHOUT_TLS: Conditions = {"Bool": {"aws:SecureTransport": "false"}}

MODEL = "${aws:PrincipalTag/model}"
"""In a policy: the model that the calling role is tagged with."""


def allow(
    actions: str | Sequence[str], resources: str | Sequence[str], conditions: Conditions | None = None
) -> Statement:
    """A statement that allows `actions` on `resources`."""
    statement = {"Effect": "Allow", "Action": _listed(actions), "Resource": _listed(resources)}
    return statement | ({"Condition": _copied(conditions)} if conditions else {})


def allow_principal(
    principal: Principal,
    actions: str | Sequence[str],
    resources: str | Sequence[str] = (),
    conditions: Conditions | None = None,
) -> Statement:
    """A statement of a resource's own policy; without `resources` where the service takes none."""
    who, when = principal
    merged = {
        operator: {**when.get(operator, {}), **(conditions or {}).get(operator, {})}
        for operator in (*when, *(conditions or {}))
    }
    statement = {"Effect": "Allow", "Principal": who, "Action": _listed(actions)}
    if resources:
        statement["Resource"] = _listed(resources)
    return statement | ({"Condition": merged} if merged else {})


def refuse(action: str, resources: str | list[str], conditions: Conditions) -> Statement:
    """A statement of a resource's own policy that lets nobody do `action` where the conditions hold."""
    return {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": action,
        "Resource": resources,
        "Condition": _copied(conditions),
    }


def document(*statements: Statement) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


# ---------------------------------------------------------------- who


def roles_of(account: str, *role_names: str) -> Principal:
    """These roles of an account, whether they exist yet or not; a name may hold `*` for any model.

    AWS refuses a resource policy that names a role which is not there, and forgets one that was deleted and
    made again; the account as principal with a condition on the role's ARN has neither trouble.
    """
    arns = [names.role_arn(account, name) for name in sorted(role_names)]
    return {"AWS": f"arn:aws:iam::{account}:root"}, {"ArnLike": {"aws:PrincipalArn": arns}}


def roles_of_models(platform: Platform, account: str, *kinds: str) -> Principal:
    """The roles of these kinds of every model of the platform, which are tagged with both."""
    who, when = roles_of(account, *(names.any_model(platform, kind) for kind in kinds))
    return who, {**when, "StringEquals": {"aws:PrincipalTag/platform": platform.name}}


def service(name: str, account: str) -> Principal:
    """An AWS service that acts for this account, and for no other (the confused deputy)."""
    return {"Service": name}, {"StringEquals": {"aws:SourceAccount": account}}


def person(platform: Platform) -> Principal:
    """Principals of the automation account whose own policies let them take the role."""
    return {"AWS": f"arn:aws:iam::{platform.accounts.automation}:root"}, {}


def person_by_name(platform: Platform) -> list[Statement]:
    """The trust of a role that `person` takes under his or her own name: of the user, or of the session."""
    own = (
        {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}},
        {"StringLike": {"aws:userid": "*:${sts:RoleSessionName}"}},
    )
    return [allow_principal(person(platform), "sts:AssumeRole", conditions=one) for one in own]


# ---------------------------------------------------------------- policies and roles


def pass_role(arn: str, service: str) -> Statement:
    """Hand the role to `service`, and to no other."""
    return allow("iam:PassRole", arn, {"StringEquals": {"iam:PassedToService": service}})


def make_policy(
    scope: Construct, id_: str, name: str, description: str, statements: Sequence[Statement]
) -> aws_iam.CfnManagedPolicy:
    """A managed policy, and not an inline one, so that an auditor finds it."""
    policy = aws_iam.CfnManagedPolicy(
        scope,
        id_,
        managed_policy_name=name,
        description=description,
        policy_document=document(*statements),
    )
    for finding in sorted({f for statement in statements for f in _findings(statement)}):
        excuse(policy, "names everything under one prefix, or an action that AWS allows only on all", finding)
    return policy


def make_role(
    scope: Construct,
    id_: str,
    name: str,
    *,
    trust: Principal | Sequence[Statement],
    description: str,
    statements: Sequence[Statement],
) -> aws_iam.CfnRole:
    """A role of that name, with one managed policy of the same name."""
    policy = make_policy(scope, f"{id_}Policy", name, description, statements)
    return _role(scope, id_, name, trust, description, [policy.ref])


def model_role(
    scope: Construct,
    id_: str,
    name: str,
    *,
    trust: Principal | Sequence[Statement],
    description: str,
    policy: str,
) -> aws_iam.CfnRole:
    """A model's role, which its stack tags with the model, and which has the policy of its kind."""
    return tagged_role(scope, id_, name, trust=trust, description=description, policies=[policy])


def tagged_role(
    scope: Construct,
    id_: str,
    name: str,
    *,
    trust: Principal | Sequence[Statement],
    description: str,
    policies: Sequence[str],
) -> aws_iam.CfnRole:
    """A role with policies that the account has, by their names; they read the role's tags."""
    account = Stack.of(scope).account
    arns = [f"arn:aws:iam::{account}:policy/{policy}" for policy in policies]
    return _role(scope, id_, name, trust, description, arns)


def _role(
    scope: Construct,
    id_: str,
    name: str,
    trust: Principal | Sequence[Statement],
    description: str,
    policy_arns: Sequence[str],
) -> aws_iam.CfnRole:
    statements = [allow_principal(trust, "sts:AssumeRole")] if isinstance(trust, tuple) else trust
    return aws_iam.CfnRole(
        scope,
        id_,
        role_name=name,
        description=description,
        assume_role_policy_document=document(*statements),
        managed_policy_arns=list(policy_arns),
    )


def _findings(statement: Statement) -> list[str]:
    # cdk-nag takes what stands in braces for a reference.
    shown = (re.sub(r"\$\{(.*?)\}", r"<\1>", resource) for resource in statement["Resource"])
    return [f"AwsSolutions-IAM5[Resource::{resource}]" for resource in shown if "*" in resource]


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _copied(conditions: Conditions) -> dict[str, dict[str, Any]]:
    return {operator: dict(keys) for operator, keys in conditions.items()}


# ---------------------------------------------------------------- ARNs


def sagemaker(stack: Stack, *resources: str, account: str | None = None) -> list[str]:
    """ARNs of SageMaker resources, each given as `kind/name`."""
    return [
        f"arn:aws:sagemaker:{stack.region}:{account or stack.account}:{resource}" for resource in resources
    ]


def log_arn(stack: Stack, group: str) -> str:
    """The ARN of a log group, which some actions want with `:*` behind it."""
    return f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{group}"


def log_arns(stack: Stack, *groups: str) -> list[str]:
    """ARNs of log groups, each given by its name: without and with their streams, as actions want it."""
    return [arn for group in groups for arn in (log_arn(stack, group), f"{log_arn(stack, group)}:*")]


def alarms(stack: Stack, platform: Platform) -> str:
    """The ARN of all alarms of the platform in the account."""
    return f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:{platform.name}-*"
