"""What the checks look through: each account as its bootstrap's lookup role, and the project in Azure DevOps.

All that is seen is asked for once. What it means is for the checks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from isthmus import names
from isthmus.aws import Caller, caller
from isthmus.azure.client import connect
from isthmus.azure.present import Present
from isthmus.config import AccountRole, Platform
from isthmus.doctor.policy import Statement, allows

Document = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """A role as it stands; `may` are the statements of all its policies that allow something."""

    name: str
    arn: str
    trust: Document
    may: list[Statement]
    tags: dict[str, str]


class Sight:
    """Raises a `Problem` or what botocore raises where it may not look; the checks' caller says so."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.client = cache(self._client)
        self.roles = cache(self._roles)
        self.template = cache(self._template)
        self._credentials = cache(self._assume)

    def number(self, account: AccountRole) -> str:
        """The account's id."""
        return str(getattr(self.platform.accounts, account))

    def lookup_role(self, account: AccountRole) -> str:
        """The ARN of the role that looks there."""
        number = self.number(account)
        return names.role_arn(number, names.bootstrap_role(number, self.platform.region, "lookup"))

    @cached_property
    def azure(self) -> Present:
        return Present(connect(self.platform))

    @cached_property
    def _caller(self) -> Caller:
        return caller(self.platform.region)

    def _client(self, account: AccountRole, service: str) -> Any:
        return self._caller.client(service, self._credentials(account))

    def _assume(self, account: AccountRole) -> dict[str, object]:
        return self._caller.credentials(self.lookup_role(account))

    def _roles(self, account: AccountRole) -> dict[str, Role]:
        """The platform's roles in an account, by name."""
        pages = self.client(account, "iam").get_paginator("get_account_authorization_details")
        found: dict[str, list[Any]] = {"RoleDetailList": [], "Policies": []}
        for page in pages.paginate(Filter=["Role", "LocalManagedPolicy"]):
            for kind, all_ in found.items():
                all_.extend(page.get(kind, []))
        policies = {one["Arn"]: _current(one) for one in found["Policies"]}
        ours = f"{self.platform.name}-"
        listed = [one for one in found["RoleDetailList"] if one["RoleName"].startswith(ours)]
        return {one["RoleName"]: _role(one, policies) for one in listed}

    def _template(self, account: AccountRole, stack: str) -> Document:
        """The template that a stack was last deployed with."""
        cfn = self.client(account, "cloudformation")
        body = cfn.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
        found: Document = json.loads(body) if isinstance(body, str) else dict(body)
        return found


def _current(policy: Document) -> Document:
    versions = policy.get("PolicyVersionList", [])
    return next((one["Document"] for one in versions if one["IsDefaultVersion"]), {})


def _role(one: Document, policies: dict[str, Document]) -> Role:
    attached = [policies.get(each["PolicyArn"], {}) for each in one.get("AttachedManagedPolicies", [])]
    inline = [each["PolicyDocument"] for each in one.get("RolePolicyList", [])]
    return Role(
        name=one["RoleName"],
        arn=one["Arn"],
        trust=one["AssumeRolePolicyDocument"],
        may=[statement for document in (*attached, *inline) for statement in allows(document)],
        tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", [])},
    )
