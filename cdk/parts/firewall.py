"""A web access control list (WAF) in front of the endpoints' API.

AWS's own rules for what is known to be bad, and a limit for each address. The rule against bodies of more
than 8 KB counts and does not block: rows are large.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import log_arn
from cdk.parts.keys import Key
from cdk.parts.logs import log_group
from isthmus import names
from isthmus.config import Api, Platform
from isthmus.resource_types import aws_wafv2

MANAGED = {
    "AWSManagedRulesAmazonIpReputationList": [],
    "AWSManagedRulesCommonRuleSet": ["SizeRestrictions_BODY"],
    "AWSManagedRulesKnownBadInputsRuleSet": [],
}
WINDOW_SECONDS = 60


def firewall(scope: Construct, platform: Platform, api: Api, stage: str, logs: Key) -> None:
    """Put a web ACL before the stage of that ARN, and log what it blocks."""
    name = names.api(platform)
    rules = [_managed(number, *one) for number, one in enumerate(MANAGED.items())]
    acl = aws_wafv2.CfnWebACL(
        scope,
        "Firewall",
        name=name,
        scope="REGIONAL",
        default_action={"allow": {}},
        rules=[*rules, _limit(len(rules), api)],
        visibility_config=_visible(name),
    )
    aws_wafv2.CfnWebACLAssociation(scope, "Guard", resource_arn=stage, web_acl_arn=acl.attr_arn)
    _log(scope, platform, acl.attr_arn, logs)


def _managed(priority: int, name: str, counted: list[str]) -> dict[str, Any]:
    group: dict[str, Any] = {"vendorName": "AWS", "name": name}
    if counted:
        group["ruleActionOverrides"] = [{"name": one, "actionToUse": {"count": {}}} for one in counted]
    return {
        "name": name,
        "priority": priority,
        "statement": {"managedRuleGroupStatement": group},
        "overrideAction": {"none": {}},
        "visibilityConfig": _visible(name),
    }


def _limit(priority: int, api: Api) -> dict[str, Any]:
    """No address asks more in a minute than the whole API may be asked."""
    return {
        "name": "Limit",
        "priority": priority,
        "statement": {
            "rateBasedStatement": {
                "limit": max(10, api.requests_per_second * WINDOW_SECONDS),
                "evaluationWindowSec": WINDOW_SECONDS,
                "aggregateKeyType": "IP",
            }
        },
        "action": {"block": {}},
        "visibilityConfig": _visible("Limit"),
    }


def _visible(name: str) -> dict[str, Any]:
    return {"cloudWatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": False}


def _log(scope: Construct, platform: Platform, acl: str, logs: Key) -> None:
    """WAF insists on the beginning of the log group's name. Tokens are not logged."""
    name = names.firewall_log(platform)
    group = log_group(scope, "FirewallLog", platform, name, logs)
    logging = aws_wafv2.CfnLoggingConfiguration(
        scope,
        "FirewallLogging",
        resource_arn=acl,
        log_destination_configs=[log_arn(Stack.of(scope), name)],
        redacted_fields=[{"singleHeader": {"Name": "authorization"}}],
    )
    logging.add_resource_dependency(group)
