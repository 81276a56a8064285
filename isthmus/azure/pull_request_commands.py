"""`isthmus azure pull-request | agree | propose | comment`: what is to become main, and is said of it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from isthmus.azure.client import signed_in


@click.command("pull-request")
@click.argument("repository")
@click.argument("branch")
@click.option("--title", default="", help="What it changes.  [default: the branch's name]")
@click.option(
    "--complete",
    is_flag=True,
    help="Merge it once its checks have passed and somebody agreed; wait for that.",
)
def pull_request(repository: str, branch: str, title: str, complete: bool) -> None:
    """Ask for BRANCH of REPOSITORY to be merged into main."""
    from isthmus.azure import pull_requests

    client = signed_in()
    request = pull_requests.ensure(client, repository, branch, title or branch.replace("-", " "))
    click.echo(f"pull request {request.number}: {request.url}")
    for run in pull_requests.runs_of_checks(client, request):
        click.echo(f"run {run} checks it: isthmus azure follow {run}")
    if not pull_requests.is_agreed(client, request):
        click.echo(f"somebody else must agree: isthmus azure agree {request.number}")
    if complete:
        done = pull_requests.complete(client, request, tell=click.echo)
        click.echo(f"merged into main as {done.merged[:8]}")


@click.command()
@click.argument("number", type=int)
def agree(number: int) -> None:
    """Vote for pull request NUMBER: each repository's main asks for somebody beside its author."""
    from isthmus.azure import pull_requests

    client = signed_in()
    request = pull_requests.get(client, number)
    pull_requests.agree(client, request)
    click.echo(f"agreed to pull request {number}: {request.title}")


@click.command()
@click.option(
    "--what", required=True, help="What is added: for the title, and the branch that is pushed anew."
)
def propose(what: str) -> None:
    """Open a pull request of what was changed in this checkout of the platform's repository.

    In a pipeline's job, as the job: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).
    """
    from isthmus import names
    from isthmus.azure.proposal import propose as proposed

    title = f"Add {what} to the platform"
    branch = f"{names.PROPOSALS}/add-{what}"
    request = proposed(signed_in(), Path(), names.PLATFORM_REPOSITORY, branch, title)
    click.echo(f"pull request {request.number}: {request.url}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--subject", required=True, help="What it is about: one comment for each subject.")
def comment(file: Path, subject: str) -> None:
    """Say what FILE says on this run's pull request, in place of what was said about the subject before."""
    from isthmus.azure.remarks import remark
    from isthmus.errors import BadInput

    number = os.environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID", "")
    if not number.isdecimal():
        raise BadInput("this is no run of a pull request: SYSTEM_PULLREQUEST_PULLREQUESTID is not set")
    repository = os.environ["BUILD_REPOSITORY_NAME"]
    remark(signed_in(), repository, int(number), subject, file.read_text(encoding="utf-8"))
    click.echo(f"said on pull request {number}")
