"""What is destroyed in an account, in the order in which it can be: what serves first, what holds data last.

Found by looking, so a plan that was interrupted is gone on with by planning again.
"""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.infra.destroy import storage, studio
from isthmus.infra.destroy.stacks import DeleteStack
from isthmus.infra.destroy.step import Client, Step
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
        return list(_models(client, account, [one for one in stacks if one.model == model]))
    return [
        *_models(client, account, stacks),
        *(studio.close(client, platform.name) if account == "dev" else ()),
        *_delete(stacks, "account"),
        *_data(client, platform, account),
        *(_toolkit(platform, account) if bootstrap else ()),
    ]


def _models(client: Client, account: AccountRole, stacks: list[Standing]) -> Iterator[Step]:
    """Endpoints before the roles that they are deleted by; versions before their group."""
    yield from _delete(stacks, "endpoint")
    for model in sorted({one.model for one in stacks if one.model}):
        if account == "automation":
            yield storage.DeletePipeline(names.registry_group(model))
            yield storage.DeleteVersions(names.registry_group(model))
        yield from storage.log_groups(client, (f"/aws/sagemaker/Endpoints/{names.endpoint(model)}",))
    yield from _delete(stacks, "part")


def _delete(stacks: list[Standing], kind: str) -> Iterator[Step]:
    yield from (DeleteStack(one.name, WHAT[kind]) for one in stacks if one.kind == kind)


def _data(client: Client, platform: Platform, account: AccountRole) -> Iterator[Step]:
    """What the account's stack retains; keys last, for the rest is encrypted with them."""
    if account == "management":
        return
    name, number = platform.name, getattr(platform.accounts, account)
    yield from storage.buckets(client, name, f"-{number}-{platform.region}")
    yield from storage.repositories(client, name)
    ours = (f"/{name}/", f"/aws/lambda/{name}-", f"/aws/vendedlogs/{name}", "/aws/sagemaker/")
    yield from storage.log_groups(client, ours)
    yield from storage.keys(client, name)


def _toolkit(platform: Platform, account: AccountRole) -> Iterator[Step]:
    number: str = getattr(platform.accounts, account)
    yield DeleteStack(STACK, "what deploys to the account")
    yield storage.DeleteBucket(names.asset_bucket(number, platform.region))
