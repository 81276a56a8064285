"""`isthmus assume`: parse, call, and become the command."""

from __future__ import annotations

import os

import click

from isthmus.azure.targets import TARGETS


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target", type=click.Choice(TARGETS), metavar="ROLE")
@click.option("--model", default=None, help="The model whose role it is.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def assume(target: str, model: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND as an AWS role, entered by the job's OIDC token.

    \b
    In a step AzureCLI@2 with addSpnToEnvironment: true:
      isthmus assume build --model seattle-rain -- isthmus build run ...
      isthmus assume infrastructure-prod -- isthmus infra deploy --account prod

    ROLE is build, synth, deploy-staging or deploy-prod of a model; or, of an account (dev, automation,
    staging, prod, management), infrastructure-ACCOUNT, which deploys, or drift-ACCOUNT, which only looks.
    COMMAND gets the role's credentials in its environment, and no others.
    """
    from isthmus.azure import identity
    from isthmus.config import read_platform

    platform = read_platform()
    wanted = identity.target(platform, target, model)
    identity.forget_other_credentials(os.environ)
    given = identity.credentials(platform, wanted, identity.token_of(os.environ))
    identity.become(command, given)
