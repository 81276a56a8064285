"""The management account: the platform's organizational unit, its member accounts, guard rails, budgets."""

from __future__ import annotations

from aws_cdk import CfnOutput, RemovalPolicy
from constructs import Construct

from cdk.parts.federation import federation
from cdk.parts.guard_rails import guard_rails
from cdk.parts.infrastructure import infrastructure_roles
from cdk.parts.stack import AccountStack
from isthmus import names
from isthmus.config import WORKLOADS, AccountRole, Organization, Platform
from isthmus.resource_types import aws_organizations as organizations

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3_syntax.html
NO_PUBLIC_BUCKETS = {"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}}


class OrganizationStack(AccountStack):
    """Made before the other accounts' stacks, which need not know of it."""

    def __init__(self, scope: Construct, platform: Platform, organization: Organization) -> None:
        super().__init__(scope, platform, "management", f"{platform.name}: accounts and their guard rails")
        self._platform, self._organization = platform, organization
        federation(self, platform)
        infrastructure_roles(self, platform, "management")
        unit = organizations.CfnOrganizationalUnit(
            self, "Unit", name=organization.unit, parent_id=organization.parent
        )
        members = {role: self._member(role, unit) for role in WORKLOADS if self._address(role)}
        if members:
            # A unit goes only when it is empty, and accounts stay.
            unit.apply_removal_policy(RemovalPolicy.RETAIN)
        accounts = {
            role: members[role].attr_account_id if role in members else getattr(platform.accounts, role)
            for role in WORKLOADS
        }
        # Accounts that were there before may stand anywhere in the organization.
        self._guard([unit.attr_id, *(accounts[role] for role in WORKLOADS if role not in members)])
        if organization.budgets:
            from cdk.parts.budgets import account_budgets

            account_budgets(self, platform, organization.budgets, accounts)

    def _address(self, role: AccountRole) -> str | None:
        address: str | None = getattr(self._organization.members, role)
        return address

    def _member(
        self, role: AccountRole, unit: organizations.CfnOrganizationalUnit
    ) -> organizations.CfnAccount:
        account = organizations.CfnAccount(
            self,
            f"{role.capitalize()}Account",
            account_name=f"{self._platform.name}-{role}",
            email=str(self._address(role)),
            parent_ids=[unit.attr_id],
            role_name=self._organization.access_role,
        )
        account.apply_removal_policy(RemovalPolicy.RETAIN)
        CfnOutput(self, names.account_output(role), value=account.attr_account_id)
        return account

    def _guard(self, targets: list[str]) -> None:
        for name, document in guard_rails(self._platform).items():
            self._policy(name, "SERVICE_CONTROL_POLICY", document, targets)
        self._policy("public-access", "S3_POLICY", NO_PUBLIC_BUCKETS, targets)

    def _policy(self, name: str, kind: str, content: object, targets: list[str]) -> None:
        organizations.CfnPolicy(
            self,
            "".join(word.capitalize() for word in name.split("-")) + "Policy",
            name=f"{self._platform.name}-{name}",
            description=f"Guard rails of {self._platform.name}: {name.replace('-', ' ')}",
            type=kind,
            content=content,
            target_ids=targets,
        )
