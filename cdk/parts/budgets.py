"""A budget for each account with workloads; people are told by mail at 80 and at 100 % of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from constructs import Construct

from isthmus.config import WORKLOADS, AccountRole, Platform
from isthmus.resource_types import aws_budgets as budgets

TELL_AT_PERCENT = (80, 100)


def account_budgets(
    scope: Construct, platform: Platform, dollars: object, accounts: Mapping[AccountRole, str]
) -> None:
    """`dollars` a month for each role, spent by the account of that role."""
    for role in WORKLOADS:
        budgets.CfnBudget(
            scope,
            f"{role.capitalize()}Budget",
            budget={
                "budgetName": _name(platform, role),
                "budgetType": "COST",
                "timeUnit": "MONTHLY",
                "budgetLimit": {"amount": getattr(dollars, role), "unit": "USD"},
                "costFilters": {"LinkedAccount": [accounts[role]]},
            },
            notifications_with_subscribers=[_notification(platform, percent) for percent in TELL_AT_PERCENT],
        )


def _name(platform: Platform, role: AccountRole) -> str:
    """Telling other people takes another budget, beside which the one before stands until it is made."""
    told = hashlib.sha256(" ".join(platform.notifications.email).encode()).hexdigest()
    return f"{platform.name}-{role}-{told[:6]}"


def _notification(platform: Platform, percent: int) -> dict[str, Any]:
    people = platform.notifications.email
    return {
        "notification": {
            "notificationType": "ACTUAL",
            "comparisonOperator": "GREATER_THAN",
            "threshold": percent,
            "thresholdType": "PERCENTAGE",
        },
        "subscribers": [{"subscriptionType": "EMAIL", "address": address} for address in people],
    }
