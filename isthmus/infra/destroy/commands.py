"""`isthmus destroy`: shows what would be lost, asks for the platform's name, and does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from isthmus.config import WORKLOADS, AccountRole
from isthmus.infra.account_commands import ROLES, as_role

if TYPE_CHECKING:
    from isthmus.config import Platform
    from isthmus.infra.administrator import Client
    from isthmus.infra.destroy.step import Step

LAST_FIRST: tuple[AccountRole, ...] = (*reversed(WORKLOADS), "management")


@click.command()
@click.argument("accounts", type=ROLES, nargs=-1, required=True, metavar="ACCOUNT...")
@click.option("--model", default="", help="Only what is this model's.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be destroyed, and destroy nothing.")
@click.option("--confirm", default="", metavar="NAME", help="The platform's name, for scripts.")
@click.option("--bootstrap", is_flag=True, help="Also what deploys to the account.")
@as_role
def destroy(
    accounts: tuple[AccountRole, ...],
    model: str,
    only_plan: bool,
    confirm: str,
    bootstrap: bool,
    access_role: str | None,
) -> None:
    """Destroy what stands in accounts, with all data, and leave nothing that costs.

    ACCOUNT is what it plays in platform.yaml. Asks for the platform's name after it has shown its plan.
    """
    from isthmus.config import read_platform

    platform = read_platform()
    plans = [
        (client, _planned(client, platform, account, model, bootstrap))
        for account, client in _clients(platform, accounts, access_role)
    ]
    if only_plan or not any(steps for _, steps in plans):
        return
    _require_name(platform, confirm)
    for client, steps in plans:
        for step in steps:
            click.echo(step.summary)
            step.carry_out(client)
    click.echo("destroyed")


def _clients(
    platform: Platform, accounts: tuple[AccountRole, ...], access_role: str | None
) -> Iterator[tuple[AccountRole, Client]]:
    """In the order in which accounts go: those first that serve, and those last that others need."""
    from isthmus.infra.administrator import access_role_of, administrator
    from isthmus.infra.toolkit import Toolkit

    role = access_role or access_role_of(platform)
    for account in LAST_FIRST:
        if account in accounts:
            yield account, administrator(Toolkit.of(platform, account), role)


def _planned(
    client: Client, platform: Platform, account: AccountRole, model: str, bootstrap: bool
) -> list[Step]:
    """What will be done in the account, after it was shown."""
    from isthmus.infra.destroy import studio
    from isthmus.infra.destroy.plan import plan

    steps = plan(client, platform, account, model=model, bootstrap=bootstrap)
    click.echo(f"{account} ({getattr(platform.accounts, account)}):" + ("" if steps else " nothing"))
    for step in steps:
        click.echo(f"  {step.summary}")
    if account == "management" and steps:
        click.echo("  The accounts that Organizations made stay: whoever administers it closes them there.")
    if account == "dev" and not model:
        for left in studio.unclaimed(client):
            click.echo(f"  {left}")
    return steps


def _require_name(platform: Platform, confirm: str) -> None:
    from isthmus.errors import Refused

    typed = confirm or _asked_for("This cannot be undone. The platform's name")
    if typed != platform.name:
        raise Refused(
            f"{typed!r} is not the platform's name, so nothing was destroyed",
            todo=f"type {platform.name}; in a script: --confirm {platform.name}",
        )


def _asked_for(question: str) -> str:
    """What a person types; nothing where there is nobody."""
    try:
        typed: str = click.prompt(question, default="", show_default=False)
    except click.Abort:
        return ""
    return typed
