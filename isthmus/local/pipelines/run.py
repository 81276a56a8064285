"""`isthmus run`: an Azure Pipelines file, run or shown expanded on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.local.pipelines.host import Request, RunContext


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--plan", "show", is_flag=True, help="Print the YAML with all templates expanded, and run nothing."
)
@click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--variable", "-v", "variables", multiple=True, metavar="NAME=VALUE")
@click.option("--repository", "-r", "repositories", multiple=True, metavar="ALIAS=FOLDER")
@click.option("--name", default="", help="The pipeline's name (Build.DefinitionName).")
@click.option("--only", default="", metavar="JOB", help="Run this job alone.")
@click.option("--from", "start", default="", metavar="STAGE", help="Run this stage and what follows.")
@click.option("--approve", multiple=True, metavar="ENVIRONMENT", help="Do not ask for this environment.")
def run(
    file: Path,
    show: bool,
    parameters: tuple[str, ...],
    variables: tuple[str, ...],
    repositories: tuple[str, ...],
    name: str,
    only: str,
    start: str,
    approve: tuple[str, ...],
) -> None:
    """Run, or show expanded, an Azure Pipelines YAML file here.

    A file azure-pipelines*.yml stands at the root of its repository; other files are templates of the
    git repository around them. Repositories are taken as they stand in their folders. Service connections are
    lent by the local Azure DevOps, where `isthmus up` runs and `isthmus env` says so.
    """
    from isthmus.local.pipelines.folders import FolderSources
    from isthmus.local.pipelines.host import Repository
    from isthmus.local.pipelines.lending import lender, require
    from isthmus.local.pipelines.local_run import (
        compile_here,
        context_of,
        folders_of,
        note_of_template,
        run_here,
    )
    from isthmus.local.pipelines.rendering import final_yaml
    from isthmus.local.pipelines.selection import from_stage, only_job

    folders = folders_of(file, _pairs("--repository", repositories))
    sources = FolderSources(folders)
    context = context_of(file, sources.locate(Repository("self")), name)
    request = _request(context, _pairs("--parameter", parameters), _pairs("--variable", variables))
    plan = compile_here(file, sources, request)
    plan = from_stage(plan, start) if start else plan
    plan = only_job(plan, only) if only else plan
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    if show:
        click.echo(final_yaml(plan), nl=False)
        return
    if note := note_of_template(file, sources.folder("self")):
        click.echo(f"note: {note}", err=True)
    sources.require(plan)
    lent_by = lender(context.definition_name)
    require(plan, lent_by, context.definition_name)
    result = run_here(plan, context, sources, request, approve, lent_by)
    if result != "succeeded":
        raise click.exceptions.Exit(0 if result == "succeededWithIssues" else 1)


def _request(context: RunContext, parameters: dict[str, str], variables: dict[str, str]) -> Request:
    from isthmus.local.pipelines.host import Request, VariableValue
    from isthmus.local.pipelines.variables import predefined

    asked = {name: VariableValue(value) for name, value in variables.items()}
    return Request(parameters, asked, predefined(context))


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    from isthmus.errors import BadInput

    found = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise BadInput(f"{option} is NAME=VALUE, not {text!r}")
        found[name] = value
    return found
