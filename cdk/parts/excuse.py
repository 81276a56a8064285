"""Exceptions from the rules of cdk-nag, CDK, cfn-lint and checkov: with a reason, and beside the resource."""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import Construct


def excuse(construct: Construct, reason: str, *rules: str) -> None:
    """Let `construct` break `rules`, because of `reason`.

    `CKV_` rules are checkov's and `E` with a number is cfn-lint's, which read them in the template.
    """
    checkov = [rule for rule in rules if rule.startswith("CKV_")]
    lint = [rule for rule in rules if rule[:1] in "EW" and rule[1:].isdigit()]
    nag = [Acknowledgment(id=rule, reason=reason) for rule in rules if rule not in (*checkov, *lint)]
    if nag:
        Validations.of(construct).acknowledge(*nag)
    if checkov:
        _resource(construct).add_metadata(
            "checkov", {"skip": [{"id": rule, "comment": reason} for rule in checkov]}
        )
    if lint:
        _resource(construct).add_metadata("cfn-lint", {"config": {"ignore_checks": lint}})


def _resource(construct: Construct) -> CfnResource:
    found = construct if isinstance(construct, CfnResource) else construct.node.default_child
    if not isinstance(found, CfnResource):
        raise TypeError(f"{construct.node.path} is no resource: excuse the resource itself")
    return found
