"""`isthmus rollback`: the version that served before, through the same pipeline as every other."""

from __future__ import annotations

import click

from isthmus.config import STAGES, Stage


@click.command()
@click.argument("model")
@click.option("--stage", type=click.Choice(STAGES), required=True, help="Where it does not serve well.")
@click.option("--to", "version", help="This version, by number or ARN.  [default: what served before]")
@click.option("--reason", required=True, help="Why; kept with the version that is taken away.")
def rollback(model: str, stage: Stage, version: str | None, reason: str) -> None:
    """Go back to the version of MODEL that served STAGE before, or to another that is approved.

    Where a version is compared with the one that serves, that is taken away, and the other serves alone.

    Queues a run of the deploy pipeline with exactly that version: it passes staging, its gates and the
    approvals of prod as any other. So does one of staging: it waits for prod's approvals in the end, and
    whoever would leave prod as it is rejects it there. Nobody lets a run pass that they asked for themselves.
    """
    from isthmus.errors import NotFound
    from isthmus.operate import earlier, endpoints, redeploying, registry
    from isthmus.operate.commands import accounts_here

    redeploying.require_short(reason)
    accounts = accounts_here()
    accounts.platform.model(model)
    sagemaker = accounts.client("automation", "sagemaker")
    endpoint = endpoints.find(accounts.client(stage, "sagemaker"), model, stage)
    # Of two it is the new one that is gone back from.
    serving = endpoint.challenger_arn or endpoint.model_package_arn
    if not serving:
        raise NotFound(f"{model} does not serve {stage}: there is nothing to go back from")
    if version:
        wanted = registry.find(sagemaker, model, version)
        earlier.refuse(wanted, serving, stage)
    elif endpoint.challenger_arn:
        wanted = registry.describe(sagemaker, endpoint.model_package_arn)
        earlier.refuse(wanted, serving, stage)
    else:
        wanted = earlier.earlier(registry.versions(sagemaker, model), serving, stage)
    run = redeploying.queue(accounts, wanted, "rollback", reason)
    before = serving.rsplit("/", 1)[-1]
    click.echo(f"{model} in {stage} goes from version {before} to {wanted.number}: run {run.id}")
    if stage == "staging":
        click.echo(f"then it waits to go to prod; to leave that: isthmus azure approve {run.id} --reject")
    approvers = ", ".join(accounts.platform.azure.approvers)
    click.echo(f"somebody of {approvers} other than you lets it pass: isthmus azure approve {run.id}")
    click.echo(f"follow it: isthmus azure follow {run.id}; take it back: isthmus azure cancel {run.id}")
