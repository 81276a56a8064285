"""Whether stacks are as they were deployed, or somebody changed resources past them, by CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from isthmus.config import AccountRole, Platform
from isthmus.errors import Problem
from isthmus.infra.change import poll
from isthmus.infra.roles import Roles
from isthmus.infra.standing import standing
from isthmus.infra.toolkit import STACK

# What CloudFormation cannot compare is NOT_CHECKED, and no drift.
DRIFTED = ["MODIFIED", "DELETED"]


@dataclass(frozen=True)
class Drift:
    """One resource that is not as its stack says; `paths` are its properties that differ."""

    resource: str
    type: str
    status: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        what = f" ({', '.join(self.paths)})" if self.paths else ""
        return f"{self.type} {self.resource} is {self.status.lower()}{what}"


def of_account(roles: Roles, platform: Platform, account: AccountRole) -> Iterator[tuple[str, list[Drift]]]:
    """What drifted in the bootstrap's stack and each of the platform's in the account, as its lookup role.

    Whoever widens whom a role of the bootstrap trusts has all that deployments may.
    """
    cfn = roles.lookup(platform, account).client("cloudformation", region_name=platform.region)
    for stack in [STACK, *(one.name for one in standing(cfn, platform, account))]:
        yield stack, detect(cfn, stack)


def detect(cfn: Any, stack: str) -> list[Drift]:
    """What drifted in the stack. CloudFormation takes from seconds to minutes to find it.

    Raises `Problem` where it could not find out.
    """
    asked = cfn.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    found = poll(
        lambda: cfn.describe_stack_drift_detection_status(StackDriftDetectionId=asked),
        lambda one: one["DetectionStatus"] != "DETECTION_IN_PROGRESS",
    )
    if found["DetectionStatus"] == "DETECTION_FAILED" and not found.get("DriftedStackResourceCount"):
        reason = found.get("DetectionStatusReason", "no reason was given")
        raise Problem(f"CloudFormation could not compare stack {stack}: {reason}")
    return list(_drifted(cfn, stack))


def _drifted(cfn: Any, stack: str) -> list[Drift]:
    found: list[Drift] = []
    more: dict[str, str] = {}
    while True:
        page = cfn.describe_stack_resource_drifts(
            StackName=stack, StackResourceDriftStatusFilters=DRIFTED, **more
        )
        found += [_drift(one) for one in page["StackResourceDrifts"]]
        if "NextToken" not in page:
            return found
        more = {"NextToken": page["NextToken"]}


def _drift(found: dict[str, Any]) -> Drift:
    return Drift(
        found["LogicalResourceId"],
        found["ResourceType"],
        found["StackResourceDriftStatus"],
        tuple(one["PropertyPath"] for one in found.get("PropertyDifferences", [])),
    )
