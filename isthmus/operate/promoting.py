"""`isthmus promote`: the version that is compared takes the place of the one that it was compared with."""

from __future__ import annotations

import click

from isthmus.config import STAGES, Stage
from isthmus.operate.rolling_back import LONGEST_REASON


@click.command()
@click.argument("model")
@click.option("--stage", type=click.Choice(STAGES), default="prod", show_default=True)
@click.option("--reason", required=True, help="Why; kept with the version.")
def promote(model: str, stage: Stage, reason: str) -> None:
    """Have the version of MODEL that is compared with the one in prod serve there alone.

    Queues a run of the deploy pipeline with exactly that version: it passes staging, its gates and the
    approvals of prod as any other. To end the comparison the other way: isthmus rollback.
    """
    from isthmus import names
    from isthmus.azure import runs
    from isthmus.azure.client import connect
    from isthmus.errors import BadInput, NotFound, Refused
    from isthmus.operate import endpoints, registry
    from isthmus.operate.commands import accounts_here

    if len(reason) > LONGEST_REASON:
        raise BadInput(f"the reason has {len(reason)} characters", todo=f"{LONGEST_REASON} are the most")
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
    parameters = {"modelPackageArn": wanted.arn, "promote": f"{accounts.person}: {reason}"}
    run = runs.queue(connect(accounts.platform), names.deploy_pipeline(model), parameters)
    click.echo(f"{model} in {stage} goes from version {endpoint.version} to {wanted.number}: run {run.id}")
    click.echo(f"follow it: isthmus azure follow {run.id}")
