"""`isthmus azure ...` and `isthmus assume`: parse, call, print."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.azure.targets import TARGETS

if TYPE_CHECKING:
    from isthmus.azure.client import Client
    from isthmus.azure.contents import Folders
    from isthmus.azure.instructions.instruction import Instruction
    from isthmus.config import Platform

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group()
def azure() -> None:
    """Provision Azure DevOps from platform.yaml; its runs, pull requests and what waits there.

    Signs in with AZURE_DEVOPS_TOKEN (a PAT, or a token of Entra).
    """


def _contents(command: click.decorators.FC) -> click.decorators.FC:
    """The options that say what the repositories are filled with."""
    for name, text in (
        (
            "--model-deploy",
            "What a deploy repository is filled with.  [default: model-deploy beside platform.yaml]",
        ),
        (
            "--model-build",
            "What a build repository is filled with.  [default: model-build beside platform.yaml]",
        ),
        ("--platform-content", "The checkout of the platform.  [default: where platform.yaml is]"),
    ):
        command = click.option(name, type=_FOLDER, default=None, metavar="DIR", help=text)(command)
    return command


_CALLBACK = click.option(
    "--callback",
    default="",
    metavar="URL",
    help="The bridge's HTTPS route.  [default: as the automation account says]",
)


_ADOPT = click.option(
    "--adopt", is_flag=True, help="Take over what is there under these names and apply did not make."
)


@azure.command()
@_contents
@_CALLBACK
@_ADOPT
@click.option("--exit-code", is_flag=True, help="Exit with 2 where something has to change, such as drift.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: kind, summary and differences of each.")
def plan(
    platform_content: Path | None,
    model_build: Path | None,
    model_deploy: Path | None,
    callback: str,
    adopt: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what `apply` would change, and change nothing.

    \b
    +  is to be made
    ~  is there and not as it should be: what it was, and what it will be
    >  gets new contents
    =  is there, apply did not make it, and it is taken over (--adopt)
    -  was asked for once, and platform.yaml asks for it no longer
    """
    from isthmus.azure import provision
    from isthmus.azure.callback import url
    from isthmus.azure.client import connect
    from isthmus.azure.present import Present

    platform = _platform()
    folders = _folders(platform_content, model_build, model_deploy)
    present, route = Present(connect(platform)), callback or url(platform)
    found = provision.plan(platform, folders, present, route, adopt=adopt)
    if as_json:
        click.echo(json.dumps({"changes": [one.document for one in found]}, indent=2))
    else:
        for line in (line for one in found for line in one.lines):
            click.echo(line)
        click.echo(_counted(found))
    if found and exit_code:
        raise click.exceptions.Exit(2)


def _counted(found: list[Instruction]) -> str:
    if not found:
        return "nothing to change"
    drifted = sum(one.kind == "drift" for one in found)
    return f"{len(found)} to change" + (f", {drifted} of them not as they were made" if drifted else "")


@azure.command()
@_contents
@_CALLBACK
@_ADOPT
def apply(
    platform_content: Path | None,
    model_build: Path | None,
    model_deploy: Path | None,
    callback: str,
    adopt: bool,
) -> None:
    """Make project, repositories, pipelines, environments, connections, checks, policies and grants.

    Run twice, it changes nothing the second time. A team's repository is filled only while it is empty.
    What it makes it marks in the project's properties; only that it changes, and `destroy` removes.
    """
    from isthmus.azure import provision
    from isthmus.azure.callback import url

    folders, platform = _folders(platform_content, model_build, model_deploy), _platform()
    route = callback or url(platform)
    done = provision.apply(platform, folders, callback=route, adopt=adopt, tell=click.echo)
    click.echo(f"{len(done)} changed" if done else "nothing to change")


@azure.command()
@click.option("--with-repositories", is_flag=True, help="Remove the repositories too, with their history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(with_repositories: bool, yes: bool) -> None:
    """Show what apply made, and once that is agreed to, remove it.

    What apply did not make stays, and what that hangs on. Interrupted, the same command goes on from there.
    """
    from isthmus.azure import provision, removal
    from isthmus.azure.client import connect
    from isthmus.azure.present import Present

    platform = _platform()
    present = Present(connect(platform))
    found = removal.plan(platform, present, repositories=with_repositories)
    for one in found:
        click.echo(f"  {one.thing} stays: it {one.why}" if isinstance(one, removal.Stays) else one.summary)
    removals = [one for one in found if not isinstance(one, removal.Stays)]
    if not removals:
        click.echo("nothing to remove")
        return
    if not with_repositories:
        click.echo("  the repositories stay, with their history: --with-repositories removes them too")
    if not yes:
        where = f"project {platform.azure.project} of {platform.azure.organization_url}"
        click.confirm(f"Remove these {len(removals)} from {where}?", abort=True)
    provision.carry_out(removals, present, lambda _line: None, platform=platform.name)
    click.echo(f"{len(removals)} removed")


@azure.command()
@click.option("--run", type=int, default=0, help="Only what this run waits for.")
def approvals(run: int) -> None:
    """List the approvals that deployments wait for."""
    from isthmus.azure import approvals as found

    waiting = found.pending(_client(), run)
    for one in waiting:
        people = ", ".join(one.approvers)
        click.echo(f"run {one.run} of {one.pipeline} waits for {people} since {one.created}: {one.about}")
    if not waiting:
        click.echo("nothing waits for approval")


@azure.command()
@click.argument("run", type=int)
@click.option("--comment", default="", help="Why; kept with the approval.")
@click.option("--reject", is_flag=True, help="Reject instead: the stage does not run.")
def approve(run: int, comment: str, reject: bool) -> None:
    """Let a run's deployment pass, as the person who is signed in."""
    from isthmus.azure import approvals as found

    verdict: found.Verdict = "rejected" if reject else "approved"
    for one in found.decide_run(_client(), run, comment, verdict):
        click.echo(f"{one.about or one.id}: {one.status} by {', '.join(one.approved_by)}")


@azure.command("pull-request")
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

    client = _client()
    request = pull_requests.ensure(client, repository, branch, title or branch.replace("-", " "))
    click.echo(f"pull request {request.number}: {request.url}")
    for run in pull_requests.runs_of_checks(client, request):
        click.echo(f"run {run} checks it: isthmus azure follow {run}")
    click.echo(f"somebody else must agree: isthmus azure agree {request.number}")
    if complete:
        done = pull_requests.complete(client, request, tell=click.echo)
        click.echo(f"merged into main as {done.merged[:8]}")


@azure.command()
@click.argument("number", type=int)
def agree(number: int) -> None:
    """Vote for pull request NUMBER: each repository's main asks for somebody beside its author."""
    from isthmus.azure import pull_requests

    client = _client()
    request = pull_requests.get(client, number)
    pull_requests.agree(client, request)
    click.echo(f"agreed to pull request {number}: {request.title}")


@azure.command()
@click.argument("pipeline")
@click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--branch", default="main", show_default=True)
def run(pipeline: str, parameters: tuple[str, ...], branch: str) -> None:
    """Start a run of PIPELINE."""
    from isthmus.azure import runs

    given = dict(_pair(one) for one in parameters)
    started = runs.queue(_client(), pipeline, given, branch=branch)
    click.echo(f"run {started.id}: {started.url}")
    click.echo(f"follow it: isthmus azure follow {started.id}")


@azure.command()
@click.argument("run")
def follow(run: str) -> None:
    """Show each step of RUN as it ends, until the run is over or waits for a person.

    RUN is a run's number, or a pipeline: its run under way, or the next that starts.
    """
    from isthmus.azure.follow import follow, under_way

    client = _client()
    number = int(run) if run.isdecimal() else under_way(client, run, click.echo).id
    found, waiting = follow(client, number, click.echo)
    if waiting:
        people = ", ".join(sorted({person for one in waiting for person in one.approvers}))
        click.echo(f"run {found.id} of {found.pipeline} waits for {people}: isthmus azure approve {found.id}")
        return
    click.echo(f"run {found.id} of {found.pipeline} {found.result}: {found.url}")
    if found.result not in ("succeeded", "partiallySucceeded"):
        click.echo(f"see why: isthmus azure log {found.id}")
        raise click.exceptions.Exit(1)


@azure.command()
@click.argument("run", type=int)
@click.option(
    "--step", default="", help="Only steps with this in their name; else those that failed, or all."
)
def log(run: int, step: str) -> None:
    """Print what the steps of RUN wrote."""
    from isthmus.azure.follow import logs

    for name, text in logs(_client(), run, step):
        click.secho(name, bold=True)
        click.echo(text)


def _pair(text: str) -> tuple[str, str]:
    from isthmus.errors import BadInput

    name, separator, value = text.partition("=")
    if not separator or not name:
        raise BadInput(f"--parameter is NAME=VALUE, not {text!r}")
    return name, value


@azure.command()
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
    branch = f"isthmus/add-{what}"
    request = proposed(_client(), Path(), names.PLATFORM_REPOSITORY, branch, title)
    click.echo(f"pull request {request.number}: {request.url}")


@azure.command()
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
    remark(_client(), repository, int(number), subject, file.read_text(encoding="utf-8"))
    click.echo(f"said on pull request {number}")


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

    platform = _platform()
    wanted = identity.target(platform, target, model)
    identity.forget_other_credentials(os.environ)
    given = identity.credentials(platform, wanted, identity.token_of(os.environ))
    identity.become(command, given)


def _platform() -> Platform:
    from isthmus.config import read_platform

    return read_platform()


def _client() -> Client:
    from isthmus.azure.client import connect

    return connect(_platform())


def _folders(platform: Path | None, build: Path | None, deploy: Path | None) -> Folders:
    from isthmus.azure.contents import Folders
    from isthmus.config import platform_path

    beside = platform_path().resolve().parent
    return Folders(
        platform=platform or beside,
        model_build=build or beside / "model-build",
        model_deploy=deploy or beside / "model-deploy",
        platform_file=platform_path().resolve(),
    )
