"""The people of the laptop: each has one identity per cloud, which may do what is theirs to do.

What they are called in platform.yaml is asked there; their passwords and keys are made by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.config import Platform

Statement = dict[str, Any]
ADMINISTRATORS = "administrators"
# What anybody may look at in the automation account. No secrets: those are read by name.
LOOKED_AT = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "sns",
    "sqs",
)


@dataclass(frozen=True)
class Person:
    """Somebody who signs in; `groups` are groups of Azure DevOps."""

    name: str
    display_name: str
    groups: tuple[str, ...] = ()


def of(platform: Platform) -> tuple[Person, ...]:
    """An administrator, a data scientist who may not approve her own release, and two approvers of releases.

    Two, because who asked for a run may not let it pass: a rollback of one's own waits for the other.
    """
    return (
        Person("admin", "Ari Admin", (ADMINISTRATORS,)),
        Person("dana", "Dana Scientist"),
        Person("robin", "Robin Release", tuple(platform.azure.approvers)),
        Person("kim", "Kim Keeper", tuple(platform.azure.approvers)),
    )


def find(platform: Platform, name: str) -> Person:
    """Who is called so; somebody who is in no group where nobody is."""
    return next((one for one in of(platform) if one.name == name), Person(name, name))


def permissions(platform: Platform, person: Person) -> dict[str, Any]:
    """The IAM policy of a person's user in the automation account."""
    if ADMINISTRATORS in person.groups:
        return _document([_allow(["*"], ["*"])])
    return _document(
        [
            _allow([f"{one}:{verb}*" for one in LOOKED_AT for verb in ("Describe", "Get", "List")], ["*"]),
            _allow(["sts:AssumeRole"], list(_operators(platform))),
            *_as_scientist(platform, person),
            *_as_approver(platform, person),
        ]
    )


def _as_approver(platform: Platform, person: Person) -> Iterator[Statement]:
    """By the role, as `isthmus approve` does, or as herself, as in the console."""
    if not set(person.groups) & set(platform.azure.approvers):
        return
    automation = platform.accounts.automation
    yield _allow(["sts:AssumeRole"], [names.role_arn(automation, names.approver_role(platform))])
    versions = f"arn:aws:sagemaker:{platform.region}:{automation}:model-package/*"
    yield _allow(["sagemaker:UpdateModelPackage"], [versions])


def _as_scientist(platform: Platform, person: Person) -> Iterator[Statement]:
    """The roles of her teams, under her own name."""
    teams = [team.name for team in platform.teams if person.name in team.scientists]
    roles = [names.role_arn(platform.accounts.dev, names.scientist_role(platform, team)) for team in teams]
    if roles:
        yield _allow(["sts:AssumeRole"], roles)
        yield _allow(
            ["sts:SetSourceIdentity"], roles, {"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}
        )


def _operators(platform: Platform) -> Iterator[str]:
    for account in sorted({platform.accounts.automation, platform.accounts.staging, platform.accounts.prod}):
        yield names.role_arn(account, names.operator_role(platform))


def _allow(actions: list[str], resources: list[str], condition: object = None) -> Statement:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
