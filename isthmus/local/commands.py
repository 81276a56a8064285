"""The commands of the laptop: `isthmus up`, `env` and `demo`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.local.platform import Local

# Beside platform.yaml, so that each checkout has a platform of its own and nothing lies outside it.
HOME = Path(".isthmus")


@click.command()
@click.option("--aws-port", default=0, help="Port of the local AWS; a free one is found when not given.")
@click.option("--azure-port", default=0, help="Port of the local Azure DevOps and Entra.")
@click.option("--bare", is_flag=True, help="Only start the clouds; deploy and provision nothing.")
def up(aws_port: int, azure_port: int, bare: bool) -> None:
    """Start the local clouds and keep them until Ctrl-C; state stays in .isthmus/up.

    The first time, the accounts' stacks are deployed and Azure DevOps is provisioned from platform.yaml.
    """
    from isthmus.config import Platform, platform_path, read
    from isthmus.local import platform as local_platform

    signal.signal(signal.SIGTERM, _as_interrupt)
    platform = read(platform_path(), Platform)
    state = HOME / "up"
    try:
        with local_platform.running(platform, state, aws_port=aws_port, azure_port=azure_port) as local:
            if not bare:
                from isthmus.local.furnish import furnish

                furnish(platform, platform_path(), local, click.echo)
            click.echo(_welcome(local))
            signal.pause()
    except KeyboardInterrupt:
        click.echo("stopped; state is kept in " + str(state))


@click.command()
@click.option("--as", "user", default="robin", show_default=True, help="Who you are in Azure DevOps.")
def env(user: str) -> None:
    """Print the variables that point the AWS CLI, boto3 and Azure's clients at `isthmus up`.

    Use it as: eval "$(isthmus env)"
    """
    import shlex

    from isthmus.config import Platform, platform_path, read
    from isthmus.local.identity import variables
    from isthmus.local.platform import find

    platform = read(platform_path(), Platform)
    for name, value in variables(platform, find(HOME / "up"), user).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
@click.option(
    "--model-build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own model-build folder in place of the example.",
)
@click.option("--keep", is_flag=True, help="Keep the state in .isthmus/demo, to look at afterwards.")
def demo(report: Path | None, model_build: Path | None, keep: bool) -> None:
    """Run the whole lifecycle on this machine: train, register, approve, deploy, drift, retrain."""
    from isthmus.local.demo import run

    signal.signal(signal.SIGTERM, _as_interrupt)
    run(HOME / "demo", report=report, model_build=model_build, keep=keep)


def _as_interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _welcome(local: Local) -> str:
    return "\n".join(
        (
            "",
            f"AWS             {local.aws_url}",
            f"Azure DevOps    {local.organization_url}",
            f"Entra           {local.authority}",
            "",
            'In another terminal:  eval "$(isthmus env)"  and then  isthmus status',
            "Ctrl-C stops it; the state stays.",
        )
    )
