"""`isthmus azure run | follow | log | cancel | rerun | approvals | approve`: runs, and what they wait for."""

from __future__ import annotations

import click

from isthmus.azure.client import signed_in


@click.command()
@click.argument("pipeline")
@click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--branch", default="main", show_default=True)
def run(pipeline: str, parameters: tuple[str, ...], branch: str) -> None:
    """Start a run of PIPELINE."""
    from isthmus.azure import runs

    given = dict(_pair(one) for one in parameters)
    started = runs.queue(signed_in(), pipeline, given, branch=branch)
    click.echo(f"run {started.id}: {started.url}")
    click.echo(f"follow it: isthmus azure follow {started.id}")


@click.command()
@click.argument("run")
def follow(run: str) -> None:
    """Show each step of RUN as it ends, until the run is over or waits for a person.

    RUN is a run's number, or a pipeline: its run under way, or the next that starts.
    """
    from isthmus.azure.follow import follow, under_way

    client = signed_in()
    number = int(run) if run.isdecimal() else under_way(client, run, click.echo).id
    found, waiting = follow(client, number, click.echo)
    if waiting:
        people = ", ".join(sorted({person for one in waiting for person in one.approvers}))
        click.echo(f"run {found.id} of {found.pipeline} waits for {people}: isthmus azure approve {found.id}")
        return
    click.echo(f"run {found.id} of {found.pipeline} {found.result}: {found.url}")
    if found.result not in ("succeeded", "partiallySucceeded"):
        click.echo(f"see why: isthmus azure log {found.id}")
        click.echo(f"run again what failed: isthmus azure rerun {found.id}")
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("run", type=int)
def cancel(run: int) -> None:
    """Cancel RUN: what it waits for is asked no longer, and what it has done stays."""
    from isthmus.azure import runs
    from isthmus.errors import Refused

    client = signed_in()
    if (found := runs.get(client, run)).is_over:
        raise Refused(f"run {run} of {found.pipeline} is over: {found.result}", where=found.url)
    runs.cancel(client, run)
    click.echo(f"run {run} of {found.pipeline} is cancelled")


@click.command()
@click.argument("run", type=int)
def rerun(run: int) -> None:
    """Rerun failed jobs: RUN goes on with what failed in it, and what it waits for is asked anew."""
    from isthmus.azure import runs

    again = runs.rerun(signed_in(), run)
    click.echo(f"run {run} of {again.pipeline} goes on: {again.url}")
    click.echo(f"follow it: isthmus azure follow {run}")


@click.command()
@click.argument("run", type=int)
@click.option(
    "--step", default="", help="Only steps with this in their name; else those that failed, or all."
)
def log(run: int, step: str) -> None:
    """Print what the steps of RUN wrote."""
    from isthmus.azure.follow import logs

    for name, text in logs(signed_in(), run, step):
        click.secho(name, bold=True)
        click.echo(text)


def _pair(text: str) -> tuple[str, str]:
    from isthmus.errors import BadInput

    name, separator, value = text.partition("=")
    if not separator or not name:
        raise BadInput(f"--parameter is NAME=VALUE, not {text!r}")
    return name, value


@click.command()
@click.option("--run", type=int, default=0, help="Only what this run waits for.")
def approvals(run: int) -> None:
    """List the approvals that deployments wait for."""
    from isthmus.azure import approvals as found

    waiting = found.pending(signed_in(), run)
    for one in waiting:
        people = ", ".join(one.approvers)
        click.echo(f"run {one.run} of {one.pipeline} waits for {people} since {one.created}: {one.about}")
    if not waiting:
        click.echo("nothing waits for approval")


@click.command()
@click.argument("run", type=int)
@click.option("--comment", default="", help="Why; kept with the approval.")
@click.option("--reject", is_flag=True, help="Reject instead: the stage does not run.")
def approve(run: int, comment: str, reject: bool) -> None:
    """Let a run's deployment pass, as the person who is signed in."""
    from isthmus.azure import approvals as found

    verdict: found.Verdict = "rejected" if reject else "approved"

    def tell(one: found.Approval) -> None:
        click.echo(f"{one.about or one.id}: {one.status} by {', '.join(one.approved_by)}")

    found.decide_run(signed_in(), run, comment, verdict, tell)
