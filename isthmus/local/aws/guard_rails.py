"""An organization's policies: service control policies on who acts, S3 policies on public access.

A service control policy limits every principal of a member account, its root among them, and allows nothing;
each level from the root to the account must let a call through. Roles that are linked to an AWS service, and
the management account, are beyond it:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import ParsedStatement, PrincipalInfo
from ministack.core.responses import get_region, request_scope

from isthmus.local.aws import organizations

# The documents that one level of the organization holds; each level must allow.
Level = list[list[ParsedStatement]]
EVERYTHING = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
SERVICE_LINKED = ":assumed-role/AWSServiceRole"
_resolve_principal = iam_evaluator.resolve_principal


def install() -> None:
    iam_evaluator.resolve_principal = resolve_principal


def resolve_principal(access_key: str, account: str, *known: Any) -> Any:
    """Who calls, limited by what is attached above the caller's account."""
    principal = _resolve_principal(access_key, account, *known)
    if not isinstance(principal, PrincipalInfo) or SERVICE_LINKED in principal.arn:
        return principal
    levels = _levels(principal.account)
    if not levels:
        return principal
    # The account's own root may do everything, as far as this goes.
    policies = [_parsed(EVERYTHING)] if principal.policies is None else principal.policies
    return replace(principal, policies=policies, limits=[*principal.limits, *levels])


def _levels(account: str) -> list[Level]:
    master = organizations.master_of(account)
    if master is None:
        return []
    with request_scope(master, get_region()):
        return [
            [_parsed(content) for content in organizations.attached(target, organizations.CONTROL)]
            for target in organizations.chain(account)
        ]


@cache
def _parsed(content: str) -> list[ParsedStatement]:
    statements: list[ParsedStatement] = iam_evaluator.parse_policy_document(content)
    return statements


def blocks_public_access(account: str) -> bool:
    """Whether the organization blocks public access for all of the account; the nearest policy decides."""
    master = organizations.master_of(account)
    if master is None:
        return False
    with request_scope(master, get_region()):
        for target in organizations.chain(account):
            for content in organizations.attached(target, "S3_POLICY"):
                block = json.loads(content)["s3_attributes"]["public_access_block_configuration"]
                return bool(block["@@assign"] == "all")
    return False
