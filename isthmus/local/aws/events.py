"""Events between accounts, and what services of ours put on a default bus.

ministack delivers within one account and region. AWS delivers to another account's bus where that bus's
policy allows the sending account (events:PutEvents), which is checked here in the same way.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from ministack.core.iam_evaluator import EvalContext, resource_policy_allows
from ministack.core.responses import get_account_id, request_scope
from ministack.services import eventbridge

logger = logging.getLogger("isthmus.events")
_within_account = eventbridge._dispatch_to_event_bus


def put_event(
    account: str, region: str, *, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]
) -> None:
    """Put an AWS service's event on the default bus of `account`, as the service itself does."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
        "EventBusName": "default",
    }
    with request_scope(account, region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def install() -> None:
    eventbridge._dispatch_to_event_bus = _dispatch_to_event_bus


def _dispatch_to_event_bus(
    spec: Any, event: dict[str, Any], rule: dict[str, Any], path: set[str], payload: str | None = None
) -> None:
    sender = get_account_id()
    if spec.account_id == sender:
        _within_account(spec, event, rule, path, payload)
        return
    forwarded = dict(event) | {"EventBusName": spec.resource.split("/", 1)[1], "_DispatchPath": []}
    if payload is not None:
        forwarded["Detail"] = payload
    with request_scope(spec.account_id, spec.region):
        if _bus_allows(spec, sender):
            eventbridge._dispatch_event(forwarded)
        else:
            logger.warning("bus %s does not allow account %s to put events", spec, sender)


def _bus_allows(spec: Any, sender: str) -> bool:
    name = spec.resource.split("/", 1)[1]
    if name not in eventbridge._event_buses:
        return False
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{sender}:root",
        principal_type="Root",
        principal_account=sender,
        action="events:PutEvents",
        resource_arn=str(spec),
        region=spec.region,
    )
    policy = eventbridge._event_bus_policies.get(name) or {}
    statements = [_spelled_out(one) for one in policy.get("Statement", [])]
    return bool(resource_policy_allows(policy | {"Statement": statements}, context, same_account=False))


def _spelled_out(statement: dict[str, Any]) -> dict[str, Any]:
    """PutPermission takes a bare account id for a principal, and AWS stores it spelled out."""
    principal = statement.get("Principal")
    return statement | {"Principal": {"AWS": principal}} if isinstance(principal, str) else statement
