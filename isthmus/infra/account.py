"""`isthmus account`: bootstrap the platform's AWS accounts for deployments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import click

from isthmus.config import AccountRole

if TYPE_CHECKING:
    from isthmus.infra.bootstrap import Client
    from isthmus.infra.toolkit import Toolkit

# What Organizations makes in each account that it makes, for the management account's administrators.
ACCESS_ROLE = "OrganizationAccountAccessRole"
ROLES = click.Choice(list(get_args(AccountRole)))


@click.group()
def account() -> None:
    """The AWS accounts of a platform: bootstrap them."""


@account.command()
@click.argument("roles", type=ROLES, nargs=-1, required=True, metavar="ROLE...")
@click.option(
    "--as",
    "access_role",
    default=ACCESS_ROLE,
    show_default=True,
    help="The role to take there, if you are not in the account already.",
)
@click.option("--show", is_flag=True, help="Print the template and make nothing.")
def bootstrap(roles: tuple[AccountRole, ...], access_role: str, show: bool) -> None:
    """Prepare accounts for deployments: what deploys there, on whose behalf, and its boundary.

    ROLE is what an account plays in platform.yaml: dev, automation, staging, prod or management. Do it once
    for each new account, as its administrator, and again when a new version of Isthmus asks for it.
    """
    from isthmus.config import read_platform
    from isthmus.infra.bootstrap import bootstrap as bootstrap_account
    from isthmus.infra.toolkit import Toolkit

    platform = read_platform()
    for role in roles:
        toolkit = Toolkit.of(platform, role)
        if show:
            click.echo(json.dumps(toolkit.template(), indent=2))
            continue
        bootstrap_account(_administrator(toolkit, access_role), toolkit, click.echo)
        click.echo(f"account {toolkit.account} ({role}) is bootstrapped; {toolkit.trusted} may deploy there")


def _administrator(toolkit: Toolkit, access_role: str) -> Client:
    """Clients in the account: the caller's own if they are in it, else those of the access role there."""
    import boto3

    from isthmus import aws

    session: Any = boto3.Session(region_name=toolkit.region)
    if session.client("sts").get_caller_identity()["Account"] != toolkit.account:
        session = aws.session(toolkit.region, toolkit.account, access_role)
    client: Client = session.client
    return client
