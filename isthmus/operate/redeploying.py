"""A run of the deploy pipeline that a person asks for with a reason: what `rollback` and `promote` share."""

from __future__ import annotations

from typing import Literal

from isthmus import names
from isthmus.azure import runs
from isthmus.azure.client import connect
from isthmus.azure.runs import Run
from isthmus.errors import BadInput
from isthmus.operate.accounts import Accounts
from isthmus.operate.registry import Version

# What of a reason goes into the registry, beside the run's number and the person's name.
LONGEST_REASON = 180


def require_short(reason: str) -> None:
    """Raise `BadInput` for a reason that the registry would not keep whole."""
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"the reason has {len(reason)} characters", todo=f"{LONGEST_REASON} are the most")


def queue(accounts: Accounts, wanted: Version, what: Literal["rollback", "promote"], reason: str) -> Run:
    """Have exactly that version deployed; `what` is the parameter that says who asked for it, and why."""
    parameters = {"modelPackageArn": wanted.arn, what: f"{accounts.person}: {reason}"}
    return runs.queue(connect(accounts.platform), names.deploy_pipeline(wanted.model), parameters)
