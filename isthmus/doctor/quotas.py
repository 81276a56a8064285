"""Whether AWS lets an account have as much as the platform needs, where Service Quotas says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from isthmus.config import STAGES, AccountRole, Platform
from isthmus.config.capacity import Capacity
from isthmus.config.model import Compute
from isthmus.doctor.finding import Finding
from isthmus.doctor.sight import Sight

SERVICE = "sagemaker"


@dataclass(frozen=True)
class Need:
    """How much of one of SageMaker's quotas is needed, and what for; new accounts often have 0 of it."""

    quota: str
    least: int
    why: str


def needs(platform: Platform, account: AccountRole) -> Iterator[Need]:
    """By the instance types of a model.yaml and deploy.yaml that name none: those are the teams' to know."""
    if account == "automation":
        for job in ("training", "processing"):
            yield Need(f"{Compute().instance_type} for {job} job usage", 1, "the steps of a build")
    if account in STAGES:
        served = 2 * Capacity().instance_count * len(platform.models)
        why = "each endpoint, twice while a new version takes over"
        yield Need(f"{Capacity().instance_type} for endpoint usage", served, why)


def quotas(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """SageMaker's quotas that apply to the account beside what its jobs and endpoints take.

    Of one whose applied value is not available Service Quotas lists nothing: AWS's default holds then.
    """
    client = sight.client(account, "service-quotas")
    needed = list(needs(sight.platform, account))
    found = _listed(client, "list_service_quotas")
    if any(need.quota not in found for need in needed):
        found = _listed(client, "list_aws_default_service_quotas") | found
    for need in needed:
        one = found.get(need.quota)
        if one is None:
            yield Finding("could not look", f"quota {need.quota}", "Service Quotas does not know it")
        elif one["Value"] < need.least:
            says = f"it is {one['Value']:g}, and {need.least} are needed: {need.why}"
            which = f"--service-code {SERVICE} --quota-code {one['QuotaCode']} --desired-value {need.least}"
            raise_ = (
                f"aws service-quotas request-service-quota-increase {which} --region {sight.platform.region}"
            )
            yield Finding("missing", f"quota {need.quota}", says, raise_)


def _listed(client: Any, operation: str) -> dict[str, dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(ServiceCode=SERVICE)
    return {one["QuotaName"]: one for page in pages for one in page["Quotas"]}
