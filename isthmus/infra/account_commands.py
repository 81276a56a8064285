"""`isthmus account`: add the platform's AWS accounts, and bootstrap them for deployments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from isthmus.config import AccountRole
from isthmus.config.stages import NEW

if TYPE_CHECKING:
    from isthmus.config import Platform

ROLES = click.Choice(list(get_args(AccountRole)))
as_role = click.option(
    "--as",
    "access_role",
    default=None,
    metavar="NAME",
    help="The role to take there if you are elsewhere; else the one that Organizations makes.",
)


@click.group()
def account() -> None:
    """The AWS accounts of a platform: add and bootstrap them."""


@account.command()
@click.argument("role", type=ROLES)
@click.option("--id", "account_id", metavar="ID", help="The id of an account that is there.")
@click.option("--email", metavar="ADDRESS", help="The address of one that Organizations shall make.")
@click.option("--parent", metavar="ROOT", help="Your organization's root or unit (r-...), the first time.")
@click.option("--replace", is_flag=True, help="In place of what platform.yaml says now.")
def add(
    role: AccountRole, account_id: str | None, email: str | None, parent: str | None, replace: bool
) -> None:
    """Say in platform.yaml which account plays ROLE: one that is there, or a new one.

    Only platform.yaml changes, and its comments stay; what is to be done next is printed.
    """
    from isthmus.config import Platform, platform_path, read
    from isthmus.config.editing import edit

    if (account_id is None) == (email is None):
        raise click.UsageError("give --id for an account that is there, or --email for a new one")
    if email and role == "management":
        raise click.UsageError("the management account is there before all others: give its --id")
    values: dict[tuple[str, ...], str | None] = {
        ("organization", "parent"): parent,
        ("organization", "members", role): email,
        ("accounts", role): account_id or NEW,
    }
    file = platform_path()
    if not replace:
        _refuse_other(read(file, Platform), values, file)
    platform = edit(file, Platform, lambda text: _with(text, values))
    click.echo(f"{file}: accounts.{role} is {getattr(platform.accounts, role)}")
    click.echo(_next(role, account_id))


def _refuse_other(platform: Platform, values: dict[tuple[str, ...], str | None], file: Path) -> None:
    """Raise `BadInput` where something else stands already; an account that is awaited gets its id."""
    from isthmus.errors import BadInput

    for where, value in values.items():
        there: object = platform
        for key in where:
            there = getattr(there, key, None)
        if value is not None and there not in (None, NEW, value):
            key = ".".join(where)
            raise BadInput(
                f"{key} is {there} already",
                where=f"{file}, {key}",
                todo=f"if {value} is to stand in its place, say so: the same command with --replace",
            )


def _with(text: str, values: dict[tuple[str, ...], str | None]) -> str:
    from isthmus.config.editing import put

    for where, value in values.items():
        text = text if value is None else put(text, where, value)
    return text


def _next(role: AccountRole, account_id: str | None) -> str:
    if account_id:
        return f"next, as an administrator of account {account_id}: isthmus account bootstrap {role}"
    return (
        "next, which makes it and says its id: "
        "isthmus infra synth && isthmus infra deploy --account management"
    )


@account.command()
@click.argument("roles", type=ROLES, nargs=-1, required=True, metavar="ROLE...")
@as_role
@click.option("--show", is_flag=True, help="Print the template and make nothing.")
def bootstrap(roles: tuple[AccountRole, ...], access_role: str | None, show: bool) -> None:
    """Prepare accounts for deployments: what deploys there, on whose behalf, and its boundary.

    ROLE is what an account plays in platform.yaml: dev, automation, staging, prod or management. Do it once
    for each new account, as its administrator, and again when a new version of Isthmus asks for it.
    """
    from isthmus.config import read_platform
    from isthmus.infra.administrator import access_role_of, administrator
    from isthmus.infra.bootstrap import bootstrap as bootstrap_account
    from isthmus.infra.toolkit import Toolkit

    platform = read_platform(complete=False)
    access_role = access_role or access_role_of(platform)
    for role in roles:
        toolkit = Toolkit.of(platform, role)
        if show:
            click.echo(json.dumps(toolkit.template(), indent=2))
            continue
        bootstrap_account(administrator(toolkit, access_role), toolkit, click.echo)
        click.echo(f"account {toolkit.account} ({role}) is bootstrapped; {toolkit.trusted} may deploy there")
