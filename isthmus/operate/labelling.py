"""`isthmus label`: what was true, sent to the monitors of a model."""

from __future__ import annotations

from pathlib import Path

import click

from isthmus.config import Stage
from isthmus.counting import counted
from isthmus.operate.commands import AS_JSON, STAGE


@click.command()
@click.argument("model")
@STAGE
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only check the file: send nothing.")
@AS_JSON
def label(model: str, stage: Stage, file: Path, check: bool, as_json: bool) -> None:
    """Send the labels in FILE, by inference id, to the monitors of MODEL.

    \b
    FILE is CSV, with a header:          inference_id,label
    or JSON lines (.jsonl), each:        {"inference_id": "order-77", "label": "1"}

    A row of a request that had several has the id <inference id>/<row>, from 0. What was sent before under an
    id is replaced. A file with a line at fault is refused whole; ids that nobody asked under are counted, and
    classes that training never saw are named.
    """
    from datetime import UTC, datetime

    from isthmus import names
    from isthmus.config import read_platform
    from isthmus.operate import captures, columns, labels, show
    from isthmus.operate.accounts import Accounts

    accounts = Accounts(read_platform())
    platform = accounts.platform
    platform.model(model)
    found = labels.read(file)
    classes = columns.classes(accounts, model, stage)
    labels.require_good(found, file, classes)
    unseen = labels.unseen(found, classes)
    account = getattr(platform.accounts, stage)
    asked = {one.inference_id for one in found}
    unknown = sorted(asked - captures.known(accounts.client(stage, "s3"), platform, model, account, asked))
    where = ""
    if not check:
        owner = Accounts(platform, names.data_role(platform)).client(stage, "s3")
        bucket = names.ground_truth_bucket(platform, account)
        where = labels.send(owner, bucket, model, found, datetime.now(UTC))
    if as_json:
        strange = {text: len(lines) for text, lines in unseen.items()}
        show.as_json({"labels": len(found), "unknown": unknown, "unseen": strange, "where": where})
        return
    click.echo(f"{counted(len(found), 'label')} of {model} in {stage}: {where or 'good, and not sent'}")
    for text, lines in unseen.items():
        many = f"{counted(len(lines), 'label')}, the first in line {lines[0]}"
        click.echo(f"{text!r} is a class that training never saw ({many}): no answer is right", err=True)
    if unknown:
        few = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        click.echo(f"{len(unknown)} of their ids stand with no request that was captured: {few}", err=True)
