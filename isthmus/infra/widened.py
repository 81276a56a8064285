"""What the platform's roles have that no stack gave them, and those that no stack made.

CloudFormation compares a resource's properties that its template sets (`drift`), so it sees neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.infra.roles import Roles
from isthmus.infra.standing import GONE, standing
from isthmus.infra.toolkit import STACK

ROLE = "AWS::IAM::Role"
Given = dict[str, set[str]]
"""By role: the inline policies and the ARNs of managed ones that its stack gave it."""


def of_account(roles: Roles, platform: Platform, account: AccountRole) -> Iterator[tuple[str, str]]:
    """Each role of ours that is wider than its stack says, and how, read as the bootstrap's lookup role.

    Whom a role trusts, its boundary and the words of its policies each stack sets: those are drift.
    """
    session = roles.lookup(platform, account)
    ours = list(_ours(session.client("iam"), platform, account))
    cfn = session.client("cloudformation", region_name=platform.region)
    given: Given = {}
    for stack in [STACK, *(one.name for one in standing(cfn, platform, account))]:
        given |= _given(cfn, stack)
    for role in ours:
        name = role["RoleName"]
        if name not in given:
            yield name, "no stack has it"
            continue
        for policy in sorted(_has(role) - given[name]):
            yield name, f"its stack gives it no policy {policy}"


def _ours(iam: Any, platform: Platform, account: AccountRole) -> Iterator[dict[str, Any]]:
    bootstrap = names.bootstrap_role(getattr(platform.accounts, account), platform.region, "*")
    for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"]):
        for role in page["RoleDetailList"]:
            if role["RoleName"].startswith(f"{platform.name}-") or fnmatchcase(role["RoleName"], bootstrap):
                yield role


def _has(role: dict[str, Any]) -> set[str]:
    inline = {one["PolicyName"] for one in role.get("RolePolicyList", [])}
    return inline | {one["PolicyArn"] for one in role.get("AttachedManagedPolicies", [])}


def _given(cfn: Any, stack: str) -> Given:
    """What the template that the stack was last deployed with gives each of its roles."""
    pages = cfn.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [one for page in pages for one in page["StackResourceSummaries"]]
    made = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in found
        if one["ResourceStatus"] != GONE and one.get("PhysicalResourceId")
    }
    stands = {one["LogicalResourceId"] for one in found if one["ResourceType"] == ROLE} & made.keys()
    if not stands:
        return {}
    body = cfn.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    return {made[one]: _policies(resources[one]["Properties"], made) for one in stands & resources.keys()}


def _policies(properties: dict[str, Any], made: dict[str, str]) -> set[str]:
    arns = properties.get("ManagedPolicyArns", [])
    managed = {one if isinstance(one, str) else made[one["Ref"]] for one in arns}
    return managed | {one["PolicyName"] for one in properties.get("Policies", [])}
