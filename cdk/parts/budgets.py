"""A budget for each account with workloads; people are told by mail at 80 and at 100 % of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from isthmus.config import WORKLOADS, AccountRole, Platform

TELL_AT_PERCENT = (80, 100)


def account_budgets(
    scope: Construct, platform: Platform, dollars: object, accounts: Mapping[AccountRole, str]
) -> None:
    """`dollars` a month for each role, spent by the account of that role."""
    for role in WORKLOADS:
        budgets.CfnBudget(
            scope,
            f"{role.capitalize()}Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=_name(platform, role),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=getattr(dollars, role), unit="USD"),
                cost_filters={"LinkedAccount": [accounts[role]]},
            ),
            notifications_with_subscribers=[_notification(platform, percent) for percent in TELL_AT_PERCENT],
        )


def _name(platform: Platform, role: AccountRole) -> str:
    """Telling other people takes another budget, beside which the one before stands until it is made."""
    told = hashlib.sha256(" ".join(platform.notifications.email).encode()).hexdigest()
    return f"{platform.name}-{role}-{told[:6]}"


def _notification(platform: Platform, percent: int) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type="ACTUAL",
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[
            budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=address)
            for address in platform.notifications.email
        ],
    )
