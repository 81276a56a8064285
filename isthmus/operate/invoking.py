"""`isthmus invoke`: rows in, predictions out, from an endpoint or through a stage's API."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.config import Stage
from isthmus.operate.commands import AS_JSON, STAGE

if TYPE_CHECKING:
    from isthmus.config import Platform
    from isthmus.operate.accounts import Accounts

DATA = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("model")
@STAGE
@click.option("--data", type=DATA, help="A CSV or JSON file.")
@click.option("--file", type=DATA, help="A CSV file for a batch transform, whose results are not waited for.")
@click.option("--row", help="One row: comma-separated values in the order of the features.")
@click.option("--inference-id", default="", help="To find the request by, and to send its label under.")
@click.option("--api", metavar="URL", help="Through the stage's API, as the job's service connection.")
@AS_JSON
def invoke(
    model: str,
    stage: Stage,
    data: Path | None,
    file: Path | None,
    row: str | None,
    inference_id: str,
    api: str | None,
    as_json: bool,
) -> None:
    """Ask MODEL's endpoint for predictions, one a line; rows from --row, --data or standard input.

    Of CSV rows with a header, columns that the model does not take are left out. The answer of a queue or a
    batch transform is waited for; with --file a transform starts, and it is said where its results will lie.
    With --api no AWS key is needed: the stage's API is asked, whose URL is the output ApiUrl of its stack.
    """
    from isthmus.config import read_platform
    from isthmus.operate import show
    from isthmus.operate.accounts import Accounts
    from isthmus.operate.rows import read_rows

    accounts = Accounts(read_platform())
    accounts.platform.model(model)
    if file:
        results = _start(accounts, model, stage, file)
        show.as_json({"model": model, "stage": stage, "results": results}) if as_json else click.echo(results)
        return
    rows = read_rows(data, row)
    if api:
        found, inference_id = _through(api, accounts.platform, model, rows, inference_id)
    else:
        found = _asked(accounts, model, stage, rows, inference_id)
    if as_json:
        show.as_json({"model": model, "stage": stage, "inference_id": inference_id, "predictions": found})
    else:
        click.echo("\n".join(found))


def _through(
    url: str, platform: Platform, model: str, rows: bytes, inference_id: str
) -> tuple[list[str], str]:
    """The API's predictions and the id that it gave the request, where none was given."""
    from isthmus.azure.api_token import api_token
    from isthmus.operate import api

    answer = api.ask(url, api_token(platform, model, os.environ), model, rows, inference_id)
    return answer.predictions, answer.inference_id


def _asked(accounts: Accounts, model: str, stage: Stage, rows: bytes, inference_id: str) -> list[str]:
    """Predictions; where the model refuses rows for columns that it does not take, without those."""
    from isthmus import asking, names
    from isthmus.errors import BadInput
    from isthmus.operate import columns, predictions
    from isthmus.serving import look

    serving = look(accounts.client(stage, "sagemaker"), model, stage)
    bucket = names.capture_bucket(accounts.platform, getattr(accounts.platform.accounts, stage))
    runtime = asking.runtime(lambda service: accounts.client(stage, service), serving, model, bucket)
    try:
        return predictions.ask(runtime, serving, rows, inference_id)
    except BadInput:
        rows, others = columns.only(rows, columns.taken(accounts, model, stage))
        if not others:
            raise
    click.echo(f"left out, because the model does not take them: {', '.join(others)}", err=True)
    return predictions.ask(runtime, serving, rows, inference_id)


def _start(accounts: Accounts, model: str, stage: Stage, file: Path) -> str:
    """Have a batch transform answer the file; returns where the answers will lie."""
    from isthmus import asking, names
    from isthmus.errors import BadInput
    from isthmus.serving import look

    sagemaker = accounts.client(stage, "sagemaker")
    serving = look(sagemaker, model, stage)
    if serving.kind != "batch":
        raise BadInput(
            f"{model} in {stage} is no batch transform: its endpoint is {serving.kind}",
            todo=f"isthmus invoke {model} --stage {stage} --data {file}",
        )
    bucket = names.capture_bucket(accounts.platform, getattr(accounts.platform.accounts, stage))
    name = f"{uuid.uuid4()}-{file.name}"
    key = asking.hand_in(accounts.client(stage, "s3"), bucket, model, name, file.read_bytes())
    _, results = asking.start_batch(sagemaker, model, key)
    return f"s3://{bucket}/{results}{name}.out"
