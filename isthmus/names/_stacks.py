"""Stacks, their outputs, and what every resource in them is tagged with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Model, Platform, Team


def stack(platform: Platform, account: str) -> str:
    """The stack of one account's platform resources; `account` is dev, automation, staging or prod."""
    return f"{platform.name}-{account}"


def model_stack(platform: Platform, account: str, model: str) -> str:
    """The stack of one model's roles in one account: automation, staging or prod."""
    return f"{platform.name}-{account}-{model}"


def team_stack(platform: Platform, team: str) -> str:
    """The stack of one team's role, people and tools in the dev account."""
    return f"{platform.name}-dev-{team}"


def endpoint_stack(platform: Platform, model: str, stage: str) -> str:
    return f"{platform.name}-{model}-{stage}"


def feature_stack(platform: Platform) -> str:
    """Automation: the groups of Feature Store."""
    return f"{platform.name}-feature-store"


def shared_endpoint_stack(platform: Platform, stage: str) -> str:
    """Serving: the endpoints that models share."""
    return f"{platform.name}-{stage}-shared-endpoints"


def account_output(role: str) -> str:
    """The output of the management account's stack that holds the id of the account that it made."""
    return f"{role.capitalize()}AccountId"


def tags(
    platform: Platform, account: str, model: Model | None = None, team: Team | None = None
) -> dict[str, str]:
    """What every resource is tagged with: who pays for it, and whose it is."""
    found = {"platform": platform.name, "account": account}
    if platform.owner:
        found["owner"] = platform.owner
    if team is not None:
        found |= {"team": team.name}
    if model is not None:
        found |= {"model": model.name, "owner": model.owner}
        found |= {"team": model.team} if model.team else {}
    return found
