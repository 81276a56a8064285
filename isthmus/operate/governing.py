"""`isthmus pending` and `evidence`: decisions that people owe, and what they judge by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.operate.commands import AS_JSON, accounts_here, fail_if_asked_in_vain

if TYPE_CHECKING:
    from datetime import timedelta

    from isthmus.operate.pending import Waiting


@click.command()
@click.option("--older-than", metavar="AGE", help="Exit 1 where something waits longer: 30m, 12h, 2d.")
@AS_JSON
def pending(older_than: str | None, as_json: bool) -> None:
    """Every version and stage that waits for a person: metrics, how long, who may decide, and how."""
    from isthmus.operate import devops, show
    from isthmus.operate.age import age
    from isthmus.operate.pending import every

    limit = age(older_than) if older_than else None
    accounts = accounts_here()
    models = [one.name for one in accounts.platform.models]
    said = devops.ask(accounts.platform, models)
    found = every(accounts, models, said)
    if as_json:
        show.as_json({"waiting": [one.as_dict() for one in found], "azure": said.word})
    else:
        show.pending(found, said)
    fail_if_asked_in_vain(said)
    _fail_if_older(found, limit)


def _fail_if_older(found: list[Waiting], limit: timedelta | None) -> None:
    from isthmus.errors import Problem
    from isthmus.operate.age import written

    late = [one.name for one in found if limit and one.age > limit]
    if late and limit:
        raise Problem(
            f"waits longer than {written(limit)}: {', '.join(late)}", todo="decide, as isthmus pending says"
        )


@click.command()
@click.argument("model")
@click.argument("version", required=False)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead.")
def evidence(model: str, version: str | None, output: Path | None) -> None:
    """What an approver judges VERSION of MODEL (the newest, if not named) by, as a page of Markdown."""
    from isthmus.errors import BadInput
    from isthmus.operate import registry
    from isthmus.operate.evidence import page
    from isthmus.operate.judgement import Evaluation, TrainingDrift, read
    from isthmus.operate.lineage import job_seconds

    accounts = accounts_here()
    accounts.platform.model(model)
    found = registry.find(accounts.client("automation", "sagemaker"), model, version)
    sagemaker, s3 = accounts.client("automation", "sagemaker"), accounts.client("automation", "s3")
    seconds = job_seconds(sagemaker, found.execution)
    said: list[Any] = []
    unreadable = []
    for folder, name, shape in (
        ("evaluation_uri", "evaluation.json", Evaluation),
        ("baseline_uri", "training_drift.json", TrainingDrift),
    ):
        try:
            said.append(read(s3, found.metadata.get(folder, ""), name, shape))
        except BadInput as problem:
            said.append(None)
            unreadable.append(problem.what)
    text = page(accounts.platform, found, said[0] or {}, said[1] or [], seconds, unreadable)
    if output:
        output.write_text(text)
        click.echo(f"{output}: the evidence of {found.name}")
    else:
        click.echo(text, nl=False)
