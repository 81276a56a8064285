"""`isthmus monitor`: look at an endpoint's captured data now, or at what was found last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.config import STAGES, Stage
from isthmus.errors import NotFound

if TYPE_CHECKING:
    import boto3

    from isthmus.config import Platform
    from isthmus.monitor.reported import Report

STAGE = click.option("--stage", type=click.Choice(STAGES), default="prod", show_default=True)


@click.group()
def monitor() -> None:
    """Watch an endpoint's captured data."""


@monitor.command()
@click.argument("model")
@STAGE
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait, and print what was found.")
def run(model: str, stage: Stage, wait: bool) -> None:
    """Run MODEL's monitor now rather than on its schedule."""
    from isthmus.monitor import run, service

    platform, session = _session(model, stage)
    service.refuse_run(session, model)
    arn = run.start(session, model)
    click.echo(f"execution {arn}")
    if wait:
        run.wait(session, arn)
        _show(session, platform, model, stage)


@monitor.command()
@click.argument("model")
@STAGE
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the page there.")
def report(model: str, stage: Stage, html: Path | None) -> None:
    """Print what MODEL's monitor found last, of whichever version."""
    from isthmus.monitor import service

    platform, session = _session(model, stage)
    if watched := service.schedule(session, model):
        if html:
            raise service.no_page(model)
        click.echo(service.summary(session, platform, model, stage, watched))
        return
    found = _show(session, platform, model, stage)
    if html:
        html.write_bytes(found.read("report.html"))
        click.echo(f"{html}")


@monitor.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("baseline"))
@click.option("--features", help="Columns to describe, with commas between; else all but the target.")
@click.option("--target", default="", help="The column that the model predicts.")
def baseline(file: Path, output: Path, features: str | None, target: str) -> None:
    """Describe the rows of FILE (CSV): what later data is compared with."""
    import polars as pl

    from isthmus.errors import BadInput
    from isthmus.monitor.baseline import write_baseline

    try:
        frame = pl.read_csv(file, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"not a CSV file with a header: {error}", where=str(file)) from None
    named = features.split(",") if features else [name for name in frame.columns if name != target]
    for name, one in write_baseline(frame, output, features=named, target=target).items():
        click.echo(f"{name:<24} {one.kind:<7} {one.completeness:.1%} complete")
    click.echo(f"{frame.height} rows: {output}/baseline.json, statistics.json, constraints.json")


def _show(session: boto3.Session, platform: Platform, model: str, stage: Stage) -> Report:
    from isthmus.monitor import findings, reported

    found = reported.newest(session, platform, model, stage, "findings.json")
    if found is None:
        raise NotFound(
            f"no report about {model} in {stage} yet", todo=f"isthmus monitor run {model} --stage {stage}"
        )
    if found.overtaken:
        click.echo(f"{found.overtaken}: isthmus monitor run {model} --stage {stage}")
    click.echo(findings.summary(findings.parse(found.read("findings.json"))))
    return found


def _session(model: str, stage: Stage) -> tuple[Platform, boto3.Session]:
    from isthmus import aws, names
    from isthmus.config import read_platform

    platform = read_platform()
    platform.model(model)
    role = names.operator_role(platform)
    return platform, aws.session(platform.region, getattr(platform.accounts, stage), role)
