"""Captures of batch transforms, as lines like those of an endpoint: one for each row that was answered.

SageMaker writes down two lists of files, of what was asked and of what was answered, in the same order (its
developer guide, "Capture data from batch transform job"). A file's inference id is its name: rows are
`<name>/<row>`. What gates have asked is no traffic. Of a file one row is held at a time, however many it has.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ParamValidationError

from isthmus.counting import counted
from isthmus.errors import BadInput
from isthmus.monitor.capture import Bad
from isthmus.monitor.collect import NO_PATH, Fetched, last_days, names_a_file
from isthmus.names import GATE_PREFIX
from isthmus.s3 import split_uri

ASKED, ANSWERED = "input", "output"


def collect(s3: Any, uri: str, days: int, now: datetime, folder: Path) -> Fetched:
    """Fetch what transforms of the last `days` have captured under `uri`.

    A list that cannot be read, or that has no like of answers, is set aside, and so is a file that is gone.
    """
    bucket, prefix = split_uri(uri.rstrip("/"))
    found = Fetched(0, [])
    if next(_keys(s3, bucket, f"{prefix}/{ASKED}/"), None) is None:
        return found
    for day in last_days(now, days):
        for key in _keys(s3, bucket, f"{prefix}/{ASKED}/{day}/"):
            found += _listed(s3, bucket, prefix, key, folder)
    return found


def _listed(s3: Any, bucket: str, prefix: str, key: str, folder: Path) -> Fetched:
    """The files of one list."""
    name = key.removeprefix(f"{prefix}/")
    bad, count = [], 0
    try:
        pairs = list(_pairs(s3, bucket, prefix, name))
    except BadInput as problem:
        return Fetched(0, [Bad(name, 0, problem.what, problem.where)])
    for number, pair in enumerate(pairs):
        file = folder / f"{name}-{number}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(s3, *pair, file)
        except BadInput as problem:
            bad.append(Bad(name, 0, problem.what, problem.where))
            continue
        count += 1
    return Fetched(count, bad)


def _pairs(s3: Any, bucket: str, prefix: str, name: str) -> Iterator[tuple[str, str]]:
    """The URIs of what clients asked, each with that of its answers."""
    if not names_a_file(name):
        raise BadInput(NO_PATH)
    asked = _files(s3, f"s3://{bucket}/{prefix}/{name}")
    answered = _files(s3, f"s3://{bucket}/{prefix}/{ANSWERED}/{name.removeprefix(f'{ASKED}/')}")
    if len(asked) != len(answered):
        raise BadInput(f"{counted(len(asked), 'file')} asked, and {len(answered)} answered")
    for pair in zip(asked, answered, strict=True):
        if not pair[0].rsplit("/", 1)[-1].startswith(GATE_PREFIX):
            yield pair


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (one["Key"] for one in page.get("Contents", []))


def _files(s3: Any, uri: str) -> list[str]:
    """The S3 URIs of a list."""
    with TemporaryDirectory() as scratch:
        copy = _fetched(s3, uri, Path(scratch, "list"))
        try:
            first, *names = json.loads(copy.read_bytes())
            return [f"{first['prefix']}{name}" for name in names]
        except (KeyError, RecursionError, TypeError, ValueError):
            raise BadInput("no list of files", where=uri) from None


def _write(s3: Any, asked: str, answered: str, file: Path) -> None:
    """Write a file's rows with their answers, as captures; raises `BadInput` unless these are as many."""
    with TemporaryDirectory(dir=file.parent) as scratch:
        sides = _fetched(s3, asked, Path(scratch, ASKED)), _fetched(s3, answered, Path(scratch, ANSWERED))
        try:
            rows, answers = (sum(1 for _ in _rows(side)) for side in sides)
        except csv.Error as error:
            raise BadInput(f"not CSV: {error}", where=asked) from None
        # One row more than there are answers is the header.
        if not answers or rows - answers not in (0, 1):
            raise BadInput(f"{counted(rows, 'row')} asked, and {answers} answered", where=asked)
        requests, predictions = map(_rows, sides)
        head = [next(requests) for _ in range(rows - answers)]
        name = asked.rsplit("/", 1)[-1]
        with file.open("w") as lines:
            for number, (row, answer) in enumerate(zip(requests, predictions, strict=True)):
                identity = f"{name}/{number}" if answers > 1 else name
                lines.write(_line(_text([*head, row]), _text([answer]), asked, identity))


def _rows(file: Path) -> Iterator[list[str]]:
    """The rows that are not empty."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as found:
        yield from filter(None, csv.reader(found, strict=True))


def _text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _line(request: str, answer: str, event: str, identity: str) -> str:
    sides = (
        {"observedContentType": "text/csv", "encoding": "CSV", "data": data} for data in (request, answer)
    )
    line = {
        "captureData": dict(zip(("endpointInput", "endpointOutput"), sides, strict=True)),
        "eventMetadata": {"eventId": event, "inferenceId": identity},
        "eventVersion": "0",
    }
    return json.dumps(line) + "\n"


def _fetched(s3: Any, uri: str, file: Path) -> Path:
    """An object, copied; raises `BadInput` where none stands there, or none that the monitor may read."""
    try:
        s3.download_file(*split_uri(uri), str(file))
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        raise BadInput(f"listed, and S3 says {error.response['Error']['Message']}", where=uri) from None
    except (ParamValidationError, ValueError):
        raise BadInput("listed, and no address in S3", where=uri) from None
    return file
