"""`isthmus azure plan | apply | destroy`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.azure.contents import Folders
    from isthmus.azure.instructions.instruction import Instruction
    from isthmus.config import Platform

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


def _contents(command: click.decorators.FC) -> click.decorators.FC:
    """The options that say what the repositories are filled with."""
    for name, text in (
        (
            "--model-deploy",
            "What a deploy repository is filled with.  [default: the folder of its name beside "
            "platform.yaml, or model-deploy there, or the example]",
        ),
        (
            "--model-build",
            "What a build repository is filled with.  [default: the folder of its name beside "
            "platform.yaml, or model-build there, or the example]",
        ),
        (
            "--platform-content",
            "The checkout of the platform.  [default: where platform.yaml is, or else this program's]",
        ),
    ):
        command = click.option(name, type=_FOLDER, default=None, metavar="DIR", help=text)(command)
    return command


_CALLBACK = click.option(
    "--callback",
    default="",
    metavar="URL",
    help="The bridge's HTTPS route.  [default: as the automation account says]",
)
_PRUNE = click.option(
    "--prune", is_flag=True, help="Remove what apply made and platform.yaml asks for no longer."
)
_ADOPT = click.option(
    "--adopt", is_flag=True, help="Take over what is there under these names and apply did not make."
)


@click.command()
@_contents
@_CALLBACK
@_ADOPT
@_PRUNE
@click.option("--exit-code", is_flag=True, help="Exit with 2 where something has to change, such as drift.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: kind, summary and differences of each.")
def plan(
    platform_content: Path | None,
    model_build: Path | None,
    model_deploy: Path | None,
    callback: str,
    adopt: bool,
    prune: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what `apply` would change, and change nothing.

    \b
    +  is to be made
    ~  is there and not as it should be: what it was, and what it will be
    >  gets new contents
    =  is there, apply did not make it, and it is taken over (--adopt)
    -  was asked for once, and platform.yaml asks for it no longer (--prune)
    """
    from isthmus.azure import provision, removal
    from isthmus.azure.callback import url
    from isthmus.azure.client import connect
    from isthmus.azure.instructions.instruction import Instruction
    from isthmus.azure.present import Present
    from isthmus.config import read_platform

    platform = read_platform()
    folders = _folders(platform_content, model_build, model_deploy)
    present, route = Present(connect(platform)), callback or url(platform)
    found = provision.plan(platform, folders, present, route, adopt=adopt, prune=prune)
    if as_json:
        click.echo(json.dumps({"changes": [one.document for one in found]}, indent=2))
    else:
        for line in (line for one in found for line in one.lines):
            click.echo(line)
        for one in removal.unasked(platform, present, prune=prune):
            if not isinstance(one, Instruction):
                click.echo(one)
        click.echo(f"{_counted(found)} in {_where(platform)}")
    if found and exit_code:
        raise click.exceptions.Exit(2)


def _counted(found: list[Instruction]) -> str:
    if not found:
        return "nothing to change"
    drifted = sum(one.kind == "drift" for one in found)
    return f"{len(found)} to change" + (f", {drifted} of them not as they were made" if drifted else "")


@click.command()
@_contents
@_CALLBACK
@_ADOPT
@_PRUNE
def apply(
    platform_content: Path | None,
    model_build: Path | None,
    model_deploy: Path | None,
    callback: str,
    adopt: bool,
    prune: bool,
) -> None:
    """Make project, repositories, pipelines, environments, connections, checks, policies and grants.

    Run twice, it changes nothing the second time. A team's repository is filled only while it is empty.
    What it makes it marks in the project's properties; only that it changes, and `destroy` removes.
    """
    from isthmus import names
    from isthmus.azure import provision, pull_requests
    from isthmus.azure.callback import url
    from isthmus.azure.client import connect
    from isthmus.azure.instructions.repositories import UPDATE
    from isthmus.config import read_platform

    folders, platform = _folders(platform_content, model_build, model_deploy), read_platform()
    route = callback or url(platform)
    done = provision.apply(platform, folders, callback=route, adopt=adopt, prune=prune, tell=click.echo)
    changed = f"{len(done)} changed" if done else "nothing to change"
    click.echo(f"{changed} in {_where(platform)}")
    # Pipelines go by what is on main.
    if request := pull_requests.find(connect(platform), names.PLATFORM_REPOSITORY, UPDATE):
        click.echo(f"pull request {request.number} brings platform.yaml to main, where pipelines read it")
        click.echo(f"  do: isthmus azure agree {request.number}, as one of azure.approvers")
        click.echo(f"  do: isthmus azure pull-request {request.repository} {UPDATE} --complete")


@click.command()
@click.option("--with-repositories", is_flag=True, help="Remove the repositories too, with their history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(with_repositories: bool, yes: bool) -> None:
    """Show what apply made, and once that is agreed to, remove it.

    What apply did not make stays, and what that hangs on. Interrupted, the same command goes on from there.
    """
    from isthmus.azure import provision, removal
    from isthmus.azure.client import connect
    from isthmus.azure.present import Present
    from isthmus.config import read_platform

    platform = read_platform()
    present = Present(connect(platform))
    found = removal.plan(platform, present, repositories=with_repositories)
    for one in found:
        click.echo(str(one) if isinstance(one, removal.Stays) else one.summary)
    removals = [one for one in found if not isinstance(one, removal.Stays)]
    if not removals:
        click.echo("nothing to remove")
        return
    if not with_repositories:
        click.echo("  the repositories stay, with their history: --with-repositories removes them too")
    if not yes:
        click.confirm(f"Remove these {len(removals)} from {_where(platform)}?", abort=True)
    provision.carry_out(removals, present, lambda _line: None, platform=platform.name)
    click.echo(f"{len(removals)} removed")


def _folders(platform: Path | None, build: Path | None, deploy: Path | None) -> Folders:
    from isthmus.azure.contents import Folders
    from isthmus.config import platform_path

    given = {"platform": platform, "model_build": build, "model_deploy": deploy}
    beside = Folders.beside(platform_path())
    return replace(beside, **{key: folder for key, folder in given.items() if folder})


def _where(platform: Platform) -> str:
    return f"project {platform.azure.project} of {platform.azure.organization_url}"
