"""`isthmus promote`: the version that is compared takes the place of the one that it was compared with."""

from __future__ import annotations

import click

from isthmus.config import STAGES, Stage


@click.command()
@click.argument("model")
@click.option("--stage", type=click.Choice(STAGES), default="prod", show_default=True)
@click.option("--reason", required=True, help="Why; kept with the version.")
def promote(model: str, stage: Stage, reason: str) -> None:
    """Have the version of MODEL that is compared with the one in prod serve there alone.

    Queues a run of the deploy pipeline with exactly that version: it passes staging, its gates and the
    approvals of prod as any other. To end the comparison the other way: isthmus rollback.
    """
    from isthmus.errors import NotFound, Refused
    from isthmus.operate import endpoints, redeploying, registry
    from isthmus.operate.commands import accounts_here

    redeploying.require_short(reason)
    accounts = accounts_here()
    accounts.platform.model(model)
    endpoint = endpoints.find(accounts.client(stage, "sagemaker"), model, stage)
    if not endpoint.challenger_arn:
        raise NotFound(f"{model} compares nothing in {stage}: there is nothing to promote")
    wanted = registry.describe(accounts.client("automation", "sagemaker"), endpoint.challenger_arn)
    if wanted.status != "Approved":
        raise Refused(
            f"{wanted.name} is not approved: {wanted.status}",
            where=wanted.arn,
            todo=f"take it away: isthmus rollback {model} --stage {stage} --reason WHY",
        )
    run = redeploying.queue(accounts, wanted, "promote", reason)
    click.echo(f"{model} in {stage} goes from version {endpoint.version} to {wanted.number}: run {run.id}")
    click.echo(f"follow it: isthmus azure follow {run.id}")
