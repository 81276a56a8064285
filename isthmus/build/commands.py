"""`isthmus build`: define, check, sample, start and finish a model's SageMaker pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.config.reasons import REASONS

if TYPE_CHECKING:
    from isthmus.config import ModelConfig, Platform

HERE = Path()


@click.group()
def build() -> None:
    """Define, run and follow a SageMaker pipeline; run in a model-build repository."""


@build.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead.")
def definition(output: Path | None) -> None:
    """Print the pipeline's definition; the same content always gives the same bytes."""
    from isthmus.build.definition import define

    text = define(HERE)
    if output:
        output.write_text(text)
        click.echo(f"{output}: {len(text)} bytes")
    else:
        click.echo(text)


@build.command()
def check() -> None:
    """Check model.yaml against the data, and the definition against SageMaker's API.

    Where ISTHMUS_PLATFORM says which platform.yaml is meant, the model must be one that it names.
    """
    import os

    from isthmus.build.content import code
    from isthmus.build.data import local_source
    from isthmus.build.definition import define
    from isthmus.build.scripts import require
    from isthmus.config import read_model
    from isthmus.counting import counted

    # On a laptop there may be no platform yet.
    config = _model()[0] if os.environ.get("ISTHMUS_PLATFORM") else read_model()
    files = code(HERE)
    if not config.data.source.startswith("s3://"):
        local_source(HERE, config, enough=True)
    require(define(HERE), files)
    click.echo(
        f"{config.name}: {config.problem}, {counted(len(config.features), 'feature')}, "
        f"{config.evaluation.metric}, and a definition that SageMaker takes"
    )


@build.command()
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write test results there.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Keep there what `remark` tells of it."
)
def sample(junit: Path | None, output: Path | None) -> None:
    """Run the pipeline on a sample of the data, with no cloud and no credential."""
    from isthmus.build.definition import define
    from isthmus.build.junit import write
    from isthmus.build.sample import run_sample
    from isthmus.config import read_model

    config = read_model()
    found = run_sample(HERE, config, define(HERE), output)
    for step in found.steps:
        click.echo(f"{step.name:<14} {step.status} {step.seconds:.1f} s")
    if junit:
        write(junit, "sample", found.steps)
    if found.failure:
        raise found.failure
    click.echo(f"on a sample: {found.evaluation.get('verdict', 'not evaluated')}")


@build.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def remark(output: Path) -> None:
    """Write what a pull request's checks found, beside the version in prod, as Markdown.

    In another job of their run, as that job: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken). It reads what
    they published, and runs nothing of the repository.
    """
    import os

    from isthmus.azure.client import connect
    from isthmus.build.remark import checked, markdown
    from isthmus.config import platform_path, read_platform
    from isthmus.errors import BadInput

    number = os.environ.get("BUILD_BUILDID", "")
    if not number.isdecimal():
        raise BadInput("this is no run of Azure Pipelines: BUILD_BUILDID is not set")
    # A model.yaml that nobody can read is what the comment is to tell.
    config: ModelConfig | BadInput
    try:
        config, platform = _model()
    except BadInput as problem:
        config, platform = problem, read_platform(platform_path())
    found = checked(config, connect(platform), int(number), but=os.environ.get("SYSTEM_JOBID", ""))
    output.write_text(markdown(found), encoding="utf-8")
    click.echo(f"{output}: what the checks found")


def _about(command: click.decorators.FC) -> click.decorators.FC:
    """The options that say what is started, and for whom."""
    options = (
        click.option("--definition", "file", type=click.Path(exists=True, path_type=Path), required=True),
        click.option("--commit", required=True, help="The commit that is built."),
        click.option("--run-id", required=True, help="The run of Azure Pipelines that asks."),
        click.option("--repository", default="", help="The repository's URL."),
        click.option("--reason", type=click.Choice(["merge", *REASONS.values()]), default="merge"),
        click.option("--correlation-id", default=""),
        click.option("--data-set", default="", help="The data set that landed: NAME@VERSION."),
        click.option(
            "--attempt", default="1", envvar="SYSTEM_JOBATTEMPT", help="Which attempt of the run this is."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_SUMMARY = click.option(
    "--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write a summary there."
)


@build.command()
@_about
@_SUMMARY
def run(file: Path, summary: Path | None, **about: str) -> None:
    """Start the pipeline and follow it to its end: `start` and `finish` in one."""
    _finish(_start(file, about), summary)


@build.command()
@_about
def start(file: Path, **about: str) -> None:
    """Start the pipeline in SageMaker, and wait for nothing; the step's output `execution` is its ARN."""
    from isthmus.azure.logging_commands import command

    command("task.setvariable", _start(file, about), variable="execution", isOutput="true")


@build.command()
@click.option("--execution", required=True, help="The ARN that `start` gave.")
@_SUMMARY
def finish(execution: str, summary: Path | None) -> None:
    """Say how an execution ended, once it has; red where it failed, or its model is not good enough."""
    _finish(execution, summary)


@build.command()
@click.option("--run-id", required=True, help="The run of Azure Pipelines that was cancelled.")
def stop(run_id: str) -> None:
    """Stop the executions that a run has started and that go on."""
    from isthmus.build.stop import stop

    config, platform = _model()
    stopped = stop(platform, config.name, run_id)
    for arn in stopped:
        click.echo(f"stopping {arn}")
    if not stopped:
        click.echo(f"run {run_id} has no execution that goes on")


def _start(file: Path, about: dict[str, str]) -> str:
    from isthmus.build.run import Request, start

    config, platform = _model()
    arn = start(platform, config, HERE, file.read_text(), Request(**about), click.echo)
    click.echo(f"execution {arn}")
    return arn


def _finish(arn: str, summary: Path | None) -> None:
    """Follow and conclude; a version that is registered is the step's output `modelPackageArn`."""
    import boto3

    from isthmus.azure.logging_commands import command
    from isthmus.build.follow import follow

    config, platform = _model()
    result = follow(boto3.Session(region_name=platform.region), arn, click.echo)
    click.echo(result.verdict)
    if summary:
        from isthmus.build.summary import markdown

        summary.write_text(markdown(config, result))
        command("task.uploadsummary", str(summary.resolve()))
    if result.model_package_arn:
        click.echo(f"registered {result.model_package_arn}")
        command("task.setvariable", result.model_package_arn, variable="modelPackageArn", isOutput="true")
        return
    red = config.evaluation.below_bar == "fail" or result.status != "Succeeded"
    command("task.logissue", result.verdict, type="error" if red else "warning")
    if red:
        raise click.exceptions.Exit(1)


def _model() -> tuple[ModelConfig, Platform]:
    """The repository's model, and the platform that it is one of."""
    from isthmus.config import platform_path, read_model, read_platform
    from isthmus.config.reading import place

    config, platform = read_model(), read_platform(platform_path())
    platform.model(config.name, place(Path("model.yaml"), "name"))
    return config, platform
