"""The checks that guard environments and service connections; which resource needs which, `wanted` says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from isthmus import names
from isthmus.azure.resources import CALLED, MAIN, Check, ResourceType
from isthmus.config import Platform
from isthmus.config.approvals import length

# Microsoft's ids of the types of checks, and of the two task checks that are ours.
APPROVAL = "8c6f20a7-a545-4486-9777-f762fafe0d4d"
EXCLUSIVE_LOCK = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"
EXTENDS = "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3"
TASK = "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7"
BRANCH_CONTROL = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b"
BUSINESS_HOURS = "445fde2f-6c39-441c-807f-8a59ff2e075f"
# By which the check of ours is told from one that somebody made beside it.
HOURS_NAME = "Business hours of platform.yaml"


def guards(platform: Platform, type_: ResourceType, resource: str, template: str) -> Iterator[Check]:
    """Only main, protected by policies, of every repository of the run; only by our template."""
    yield _branch_control(type_, resource)
    yield Check(
        type_,
        resource,
        EXTENDS,
        "required template",
        {
            "extendsChecks": [
                {
                    "repositoryType": "git",
                    "repositoryName": f"{platform.azure.project}/{names.PLATFORM_REPOSITORY}",
                    "repositoryRef": MAIN,
                    "templatePath": f"azure-pipelines/{template}",
                }
            ]
        },
    )


def _branch_control(type_: ResourceType, resource: str) -> Check:
    return Check(
        type_,
        resource,
        TASK,
        "branch control",
        {
            "displayName": "Branch control",
            "definitionRef": {
                "id": BRANCH_CONTROL,
                "name": "evaluatebranchProtection",
                "version": "0.0.1",
            },
            "inputs": {
                "allowedBranches": MAIN,
                "ensureProtectionOfBranch": "true",
                "allowUnknownStatusBranch": "false",
            },
            "retryInterval": 5,
        },
    )


def lock(type_: ResourceType, resource: str) -> Check:
    """One stage at a time."""
    return Check(type_, resource, EXCLUSIVE_LOCK, "exclusive lock")


def approval(platform: Platform, type_: ResourceType, resource: str, question: str) -> Check:
    """One of the platform's approvers says yes, and not whoever asked for the run."""
    return Check(
        type_,
        resource,
        APPROVAL,
        "approval",
        {
            "executionOrder": "anyOrder",
            "minRequiredApprovers": 1,
            "requesterCannotBeApprover": True,
            "instructions": f"{CALLED[type_]} {resource}: {question}",
            "blockedApprovers": [],
        },
        tuple(platform.azure.approvers),
        timeout=length(platform.approvals.timeout) // timedelta(minutes=1),
    )


def business_hours(platform: Platform, environment: str) -> Iterator[Check]:
    """Deployments wait for these hours, where platform.yaml has any."""
    hours = platform.azure.business_hours
    if hours:
        inputs = {
            "businessDays": ",".join(day.capitalize() for day in hours.days),
            "timeZone": hours.time_zone,
            "startTime": hours.opens,
            "endTime": hours.closes,
        }
        settings = {
            "displayName": HOURS_NAME,
            "definitionRef": {"id": BUSINESS_HOURS, "name": "evaluateBusinessHours", "version": "0.0.1"},
            "inputs": inputs,
            "retryInterval": 5,
        }
        yield Check("environment", environment, TASK, "business hours", settings)


def is_business_hours(check: dict[str, Any]) -> bool:
    """Whether a check that was found is ours of business hours, wanted still or no longer."""
    settings = check.get("settings") or {}
    return str(settings.get("definitionRef", {}).get("id", "")).lower() == BUSINESS_HOURS and (
        settings.get("displayName") == HOURS_NAME
    )
