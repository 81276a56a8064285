"""Events that services of ours put on a default bus, and events between accounts.

ministack delivers within one account and region. AWS delivers to another account's bus where the rule's role
may put events there and that bus's policy allows it, which is checked here in the same way.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id, request_scope
from ministack.services import eventbridge

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
    """Forward to a bus; `isthmus.local.aws.deliveries` has asked whether it may be."""
    if spec.account_id == get_account_id():
        _within_account(spec, event, rule, path, payload)
        return
    bus = spec.resource.split("/", 1)[1]
    forwarded = event | {"EventBusName": bus, "_DispatchPath": []}
    if payload is not None:
        forwarded["Detail"] = payload
    with request_scope(spec.account_id, spec.region):
        if bus in eventbridge._event_buses:
            eventbridge._dispatch_event(forwarded)
