"""Whether AWS lets an account have as much as the platform needs, where Service Quotas says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    """SageMaker's quotas of the account beside what its jobs and endpoints take."""
    client = sight.client(account, "service-quotas")
    pages = client.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE)
    found = {one["QuotaName"]: one for page in pages for one in page["Quotas"]}
    for need in needs(sight.platform, account):
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
