"""What is destroyed in an account, in the order in which it can be: what serves first, what holds data last.

Found by looking, so a plan that was interrupted is gone on with by planning again.
"""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.infra.administrator import Client
from isthmus.infra.change import exists
from isthmus.infra.destroy import owned, storage, studio
from isthmus.infra.destroy.running import executions_of, running
from isthmus.infra.destroy.stacks import DeleteStack
from isthmus.infra.destroy.step import Step
from isthmus.infra.standing import Standing, standing
from isthmus.infra.toolkit import STACK

WHAT = {
    "endpoint": "the endpoint, its alarms and its monitor",
    "part": "roles, and what stands for one model, team or feature",
    "account": "what all of them share",
}


def plan(
    client: Client, platform: Platform, account: AccountRole, *, model: str = "", bootstrap: bool = False
) -> list[Step]:
    """The steps that leave nothing of the platform in the account, or nothing of one `model`.

    `bootstrap` says that what deploys there goes too; without it, the account can be deployed to again.
    """
    stacks = standing(client("cloudformation"), platform, account)
    if model:
        stacks = [one for one in stacks if one.model == model]
        return [*_executions(client, platform.name, model), *_models(client, account, stacks)]
    return [
        *(running(client, platform.name) if account != "management" else ()),
        *(studio.leave(client, platform.name) if account == "dev" else ()),
        *_models(client, account, stacks),
        *(studio.close(client, platform.name) if account == "dev" else ()),
        *_delete(stacks, "account"),
        *(_data(client, platform.name) if account != "management" else ()),
        *(_toolkit(client, platform, account) if bootstrap else ()),
    ]


def _executions(client: Client, platform: str, model: str) -> Iterator[Step]:
    for pipeline in (
        names.registry_group(model),
        names.monitor_pipeline(model),
        names.batch_pipeline(model),
    ):
        yield from executions_of(client, pipeline, platform)


def _models(client: Client, account: AccountRole, stacks: list[Standing]) -> Iterator[Step]:
    """Endpoints before the roles that they are deleted by; versions before their group."""
    yield from _delete(stacks, "endpoint")
    for model in sorted({one.model for one in stacks if one.model}):
        if account == "automation":
            yield storage.DeletePipeline(names.registry_group(model))
            yield storage.DeleteVersions(names.registry_group(model))
        logs = [*map(names.endpoint_log, names.endpoints(model)), names.component_log(names.component(model))]
        for name in logs:
            yield from owned.serving_log_groups(client, name)
    yield from _delete(stacks, "part")


def _delete(stacks: list[Standing], kind: str) -> Iterator[Step]:
    yield from (DeleteStack(one.name, WHAT[kind]) for one in stacks if one.kind == kind)


def _data(client: Client, platform: str) -> Iterator[Step]:
    """What the account's stack retains; keys last, for the rest is encrypted with them."""
    yield from owned.buckets(client, platform)
    yield from owned.repositories(client, platform)
    yield from owned.log_groups(client, platform)
    yield from owned.keys(client, platform)


def _toolkit(client: Client, platform: Platform, account: AccountRole) -> Iterator[Step]:
    if exists(client("cloudformation"), STACK):
        yield DeleteStack(STACK, "what deploys to the account")
    bucket = names.asset_bucket(getattr(platform.accounts, account), platform.region)
    if bucket in [one["Name"] for one in client("s3").list_buckets()["Buckets"]]:
        yield storage.DeleteBucket(bucket)
