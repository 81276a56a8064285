"""Which environment and which service connection has which checks; what each check is, `guards` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from isthmus import names
from isthmus.azure.guards import approval, business_hours, guards, lock
from isthmus.azure.resources import Check, ResourceType
from isthmus.config import STAGES, AccountRole, Model, Platform

# The pipeline's stages name all of them; those of an account that is not there are passed over.
ACCOUNTS: tuple[AccountRole, ...] = get_args(AccountRole)
DEPLOY_TEMPLATE = "model-deploy.yml"
INFRASTRUCTURE_TEMPLATE = "stages/infrastructure.yml"
# The same text for every run: Azure DevOps fills in nothing.
IS_VERSION_GOOD = (
    "has the version passed its gates in staging, and is it better than what prod serves? This run's tab "
    "Extensions holds the evidence (both versions with intervals, slices, drift, tests, cost, lineage), and "
    "its tab Tests each gate. Or give: isthmus evidence MODEL VERSION"
)
IS_CHANGE_MEANT = "is what changes in prod what the pull request's comment said, and did staging take it?"


def checks(platform: Platform) -> Iterator[Check]:
    """The same guards on environments and connections: neither can be borrowed without the other."""
    for stage in STAGES:
        yield from _deployed_to(platform, "environment", stage, DEPLOY_TEMPLATE)
        if stage == "prod":
            yield approval(platform, "environment", stage, IS_VERSION_GOOD)
            yield from business_hours(platform, stage)
    for model in platform.models:
        yield from _model_checks(platform, model)
    for account in ACCOUNTS:
        yield from _account_checks(platform, account)
    yield from guards(platform, "endpoint", names.audit_connection(platform), INFRASTRUCTURE_TEMPLATE)


def _model_checks(platform: Platform, model: Model) -> Iterator[Check]:
    yield from guards(platform, "endpoint", names.build_connection(platform, model.name), "model-build.yml")
    yield from guards(platform, "endpoint", names.synth_connection(platform, model.name), DEPLOY_TEMPLATE)
    for stage in STAGES:
        connection = names.deploy_connection(platform, model.name, stage)
        yield from _deployed_to(platform, "endpoint", connection, DEPLOY_TEMPLATE)
        if stage == "prod":
            yield approval(platform, "endpoint", connection, IS_VERSION_GOOD)


def _account_checks(platform: Platform, account: str) -> Iterator[Check]:
    connection = names.infrastructure_connection(platform, account)
    guarded: dict[ResourceType, str] = {
        "environment": names.infrastructure_environment(account),
        "endpoint": connection,
    }
    for type_, resource in guarded.items():
        yield from _deployed_to(platform, type_, resource, INFRASTRUCTURE_TEMPLATE)
        if account == "prod":
            yield approval(platform, type_, resource, IS_CHANGE_MEANT)
    if account == "prod":
        yield from business_hours(platform, guarded["environment"])
    looks = names.drift_connection(platform, account)
    yield from guards(platform, "endpoint", looks, INFRASTRUCTURE_TEMPLATE)


def _deployed_to(platform: Platform, type_: ResourceType, resource: str, template: str) -> Iterator[Check]:
    yield from guards(platform, type_, resource, template)
    yield lock(type_, resource)
