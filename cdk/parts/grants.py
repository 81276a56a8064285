"""Permissions: statements that name actions and resources, and roles that have them.

Policies are managed, not inline, so that an auditor finds them; objects under a prefix are the one kind of
resource that has no other name than one with a `*` at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack, aws_iam
from constructs import Construct

from cdk.parts.excuse import excuse

Conditions = Mapping[str, Mapping[str, Any]]


def allow(
    actions: str | Sequence[str], resources: str | Sequence[str], conditions: Conditions | None = None
) -> aws_iam.PolicyStatement:
    """A statement that allows `actions` on `resources`."""
    return aws_iam.PolicyStatement(
        actions=_listed(actions), resources=_listed(resources), conditions=dict(conditions or {})
    )


def allow_principal(
    principal: aws_iam.IPrincipal,
    actions: str | Sequence[str],
    resources: str | Sequence[str],
    conditions: Conditions | None = None,
) -> aws_iam.PolicyStatement:
    """A statement of a resource's own policy."""
    return aws_iam.PolicyStatement(
        principals=[principal],
        actions=_listed(actions),
        resources=_listed(resources),
        conditions=dict(conditions or {}),
    )


def roles_of(account: str, *role_names: str) -> aws_iam.IPrincipal:
    """Exactly these roles of another account, whether they exist yet or not.

    AWS refuses a resource policy that names a role which is not there, and forgets one that was deleted and
    made again; the account as principal with a condition on the role's ARN has neither trouble.
    """
    arns = [f"arn:aws:iam::{account}:role/{name}" for name in sorted(role_names)]
    principal = aws_iam.AccountPrincipal(account)
    return principal.with_conditions({"ArnEquals": {"aws:PrincipalArn": arns}})


def pass_role(arn: str, service: str) -> aws_iam.PolicyStatement:
    """Hand the role to `service`, and to no other."""
    return allow("iam:PassRole", arn, {"StringEquals": {"iam:PassedToService": service}})


def make_role(
    scope: Construct,
    id_: str,
    name: str,
    *,
    trust: aws_iam.IPrincipal,
    description: str,
    statements: Sequence[aws_iam.PolicyStatement],
) -> aws_iam.Role:
    """A role of that name, with one managed policy of the same name."""
    role = aws_iam.Role(
        scope,
        id_,
        role_name=name,
        assumed_by=trust,
        description=description,
    )
    policy = aws_iam.ManagedPolicy(
        role, "Policy", managed_policy_name=name, statements=list(statements), roles=[role]
    )
    for finding in sorted({f for statement in statements for f in _findings(statement)}):
        excuse(policy, "names everything under one prefix, or an action that AWS allows only on all", finding)
    return role


def service(name: str, account: str) -> aws_iam.IPrincipal:
    """An AWS service that acts for this account, and for no other (the confused deputy)."""
    return aws_iam.ServicePrincipal(name, conditions={"StringEquals": {"aws:SourceAccount": account}})


def _findings(statement: aws_iam.PolicyStatement) -> list[str]:
    return [f"AwsSolutions-IAM5[Resource::{r}]" for r in statement.resources if "*" in r]


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def sagemaker(stack: Stack, *resources: str, account: str | None = None) -> list[str]:
    """ARNs of SageMaker resources, each given as `kind/name`."""
    return [
        f"arn:aws:sagemaker:{stack.region}:{account or stack.account}:{resource}" for resource in resources
    ]
