"""`isthmus run`: an Azure Pipelines file, run or shown expanded on this machine."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.local.pipelines.host import VariableValue
    from isthmus.local.pipelines.plan import Plan


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--plan", "show", is_flag=True, help="Print the YAML with all templates expanded, and run nothing."
)
@click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--variable", "-v", "variables", multiple=True, metavar="NAME=VALUE")
@click.option("--repository", "-r", "repositories", multiple=True, metavar="ALIAS=FOLDER")
@click.option(
    "--group", "-g", "groups", multiple=True, metavar="NAME=FILE", help="A variable group, as a YAML file."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME",
    help="A secret variable, from the environment's NAME.",
)
@click.option("--name", default="", help="The pipeline's name (Build.DefinitionName).")
@click.option("--only", default="", metavar="JOB", help="Run this job alone.")
@click.option("--without", multiple=True, metavar="TASK", help="Leave out the steps of this task.")
@click.option("--from", "start", default="", metavar="STAGE", help="Run this stage and what follows.")
@click.option(
    "--approve",
    multiple=True,
    metavar="NAME",
    help="Do not ask about this environment, or ManualValidation's job.",
)
def run(
    file: Path,
    show: bool,
    parameters: tuple[str, ...],
    variables: tuple[str, ...],
    repositories: tuple[str, ...],
    groups: tuple[str, ...],
    secrets: tuple[str, ...],
    name: str,
    only: str,
    start: str,
    without: tuple[str, ...],
    approve: tuple[str, ...],
) -> None:
    """Run, or show expanded, an Azure Pipelines YAML file here.

    Its repository is the git checkout around it, or its folder where that has a model.yaml, deploy.yaml or
    platform.yaml. Repositories are taken as they stand in their folders. Service connections are lent by the
    local Azure DevOps, where `isthmus up` runs and `isthmus env` says so.

    Exit codes: 0 succeeded, 1 failed, 2 the file or an argument is wrong, 130 interrupted.
    """
    from isthmus.local.pipelines.folders import FolderSources
    from isthmus.local.pipelines.groups import read_group
    from isthmus.local.pipelines.host import Repository, Request
    from isthmus.local.pipelines.lending import lender, require
    from isthmus.local.pipelines.local_run import compile_here, context_of, folders_of, notes, run_here
    from isthmus.local.pipelines.problems import Notes
    from isthmus.local.pipelines.rendering import final_yaml
    from isthmus.local.pipelines.selection import selected
    from isthmus.local.pipelines.tasks import refuse_unsupported
    from isthmus.local.pipelines.variables import predefined
    from isthmus.printable import printable

    folders = folders_of(file, _pairs("--repository", repositories))
    files = _pairs("--group", groups)
    sources = FolderSources(folders, {group: read_group(Path(path)) for group, path in files.items()})
    context = context_of(file, sources.locate(Repository("self")), name)
    asked = _variables(_pairs("--variable", variables), secrets)
    request = Request(_pairs("--parameter", parameters), asked, predefined(context))
    lent_by = lender(context.definition_name)
    chosen = partial(selected, start=start, only=only, without=without)

    def refuse(plan: Plan) -> None:
        """Raise for all at once that would hinder the run."""
        problems = Notes()
        for hindered in (
            partial(refuse_unsupported, plan),
            partial(sources.require, plan),
            partial(require, plan, lent_by, context.definition_name),
        ):
            with problems.noting():
                hindered()
        problems.settle()

    also = None if show else lambda broken: refuse(chosen(broken))
    plan = chosen(compile_here(file, sources, request, also))
    for warning in plan.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)
    if show:
        click.echo(final_yaml(plan), nl=False)
        return
    for note in notes(file, sources.folder("self"), plan):
        click.echo(printable(f"note: {note}"), err=True)
    refuse(plan)
    result = run_here(plan, context, sources, request, approve, lent_by)
    if result != "succeeded":
        raise click.exceptions.Exit(0 if result == "succeededWithIssues" else 1)


def _variables(plain: dict[str, str], secrets: tuple[str, ...]) -> dict[str, VariableValue]:
    from isthmus.errors import BadInput
    from isthmus.local.pipelines.host import VariableValue

    found = {name: VariableValue(value) for name, value in plain.items()}
    for name in secrets:
        if name not in os.environ:
            raise BadInput(f"--secret {name}: the environment has no {name}", todo=f"export {name}=... first")
        # No step inherits it: a secret reaches a step by its `env` alone.
        found[name] = VariableValue(os.environ.pop(name), secret=True)
    return found


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    from isthmus.errors import BadInput

    found = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise BadInput(f"{option} is NAME=VALUE, not {text!r}")
        found[name] = value
    return found
