"""The commands of the laptop: `isthmus up`, `env` and `demo`."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.local import here

if TYPE_CHECKING:
    from isthmus.local.platform import Local


def _use_platform(_context: click.Context, _option: click.Parameter, file: str | None) -> None:
    if file:
        os.environ["ISTHMUS_PLATFORM"] = file


PLATFORM = click.option(
    "--platform",
    metavar="FILE",
    callback=_use_platform,
    expose_value=False,
    help="Instead of the platform.yaml in this folder.",
)


@click.command()
@PLATFORM
@click.option("--aws-port", default=0, help="Port of the local AWS; a free one is found when not given.")
@click.option("--azure-port", default=0, help="Port of the local Azure DevOps and Entra.")
@click.option("--bare", is_flag=True, help="Only start the clouds; deploy and provision nothing.")
@click.option(
    "--demo", is_flag=True, help="Go on with the clouds that `isthmus demo` left, just as they are."
)
def up(aws_port: int, azure_port: int, bare: bool, demo: bool) -> None:
    """Start the local clouds and keep them until Ctrl-C; state stays in .isthmus/up.

    The first time, the accounts' stacks are deployed and Azure DevOps is provisioned from platform.yaml: the
    one in this folder, else the example's.
    """
    with _nothing_to_tidy_up():
        from isthmus.local import platform as local_platform

    signal.signal(signal.SIGTERM, _as_interrupt)
    state = here.DEMO / here.CLOUDS if demo else here.UP
    file = _left_by_demo() if demo else here.platform_file()
    try:
        with local_platform.running(file, state, aws_port=aws_port, azure_port=azure_port) as local:
            if not bare and not demo:
                from isthmus.local.furnish import furnish

                furnish(local, click.echo)
            click.echo(_welcome(local))
            local.wait()
    except KeyboardInterrupt:
        click.echo("stopped; state is kept in " + str(state))


def _left_by_demo() -> Path:
    """The platform.yaml of the demo that ran in this folder; raises `NotFound` without one."""
    from isthmus.errors import NotFound

    file = here.DEMO / "scene" / "platform.yaml"
    if not file.exists():
        raise NotFound("no demo has run in this folder", where=str(here.DEMO), todo="run one: isthmus demo")
    return file


@click.command()
@click.option(
    "--as",
    "user",
    default=here.USER,
    show_default=True,
    help="Who you are: robin and kim approve, dana does not, admin administers.",
)
def env(user: str) -> None:
    """Print the variables that point the AWS CLI, boto3, git and Azure's clients at `isthmus up`.

    Use it as: eval "$(isthmus env)"
    """
    import shlex

    from isthmus.local.identity import variables

    local = here.running()
    for name, value in variables(local, user).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
@click.option(
    "--model-build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own model-build folder in place of the example.",
)
@click.option(
    "--keep/--no-keep",
    default=True,
    show_default=True,
    help="Keep the state: isthmus up --demo goes on with it.",
)
@PLATFORM
def demo(report: Path | None, model_build: Path | None, keep: bool) -> None:
    """Run the whole lifecycle on this machine: train, register, approve, deploy, drift, retrain.

    Rows that come after the first deployment are taken from later.csv beside the model's data; where there is
    none, the data are cut in half: by model.yaml's time column, or without one into every other row.
    """
    with _nothing_to_tidy_up():
        from isthmus.local.demo import run

    signal.signal(signal.SIGTERM, _as_interrupt)
    played = run(here.DEMO, report=report, model_build=model_build, keep=keep)
    if played.status != "succeeded":
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _nothing_to_tidy_up() -> Iterator[None]:
    """While modules are loaded an interrupt ends the process: pydantic would lose its exception."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)


def _as_interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _welcome(local: Local) -> str:
    platform = local.platform()
    project = f"{local.organization_url}/{platform.azure.project}"
    repository = platform.models[0].build_repository
    return "\n".join(
        (
            "",
            f"AWS             {local.aws_url}",
            f"Azure DevOps    {local.organization_url}",
            f"Entra           {local.authority}",
            "",
            f"Look at it in a browser:  {project}",
            'In another terminal:  eval "$(isthmus env)"  and then  isthmus status',
            f"A model's repository, in that terminal:  git clone {project}/_git/{repository}",
            "Ctrl-C stops it; the state stays.",
        )
    )
