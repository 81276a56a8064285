"""Takes one file: checks it and writes what it holds as CSV beside the training data, or says why not."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from landing import memory, tell
from landing.arrival import Arrival
from landing.aws import client
from landing.check import checked
from landing.memory import Fate
from landing.refused import Refused
from landing.rows import Row, rows
from landing.schema import Schema, read_schema
from landing.settings import settings
from landing.upload import Upload

CHECKED, REJECTED = "checked", "rejected"
# CopyObject takes no larger ones.
LARGEST_COPY = 5 * 1024**3


def take(arrival: Arrival, seconds: int) -> Fate:
    """What became of the file, now or when it was seen before; raises where it must be tried again."""
    known = memory.claim(arrival, seconds)
    if known:
        return known
    try:
        fate = _judge(arrival)
        memory.remember(arrival, fate)
    except BaseException:
        memory.release(arrival)
        raise
    return fate


def _judge(arrival: Arrival) -> Fate:
    try:
        arrival.check()
        schema = read_schema(arrival.model)
        schema.pattern_of(arrival.name)
        if arrival.size > schema.largest:
            raise Refused(
                f"it has {arrival.size} bytes; {schema.largest // 1_000_000} MB is the most that is taken"
            )
        return _convert(arrival, schema)
    except Refused as refusal:
        return _reject(arrival, str(refusal))


def _convert(arrival: Arrival, schema: Schema) -> Fate:
    """Write the file's rows as the training data have them; nothing is written where one does not fit."""
    stem = arrival.name.removesuffix(".gz").rpartition(".")[0]
    key = f"{arrival.model}/{CHECKED}/{arrival.data_set}/{stem}-{_short(arrival.version)}.csv"
    body = _open(arrival)
    with Upload(settings().data, key) as made:
        count = _write(made, checked(rows(body, arrival.name, schema), schema), schema)
    return Fate("accepted", key=key, digest=made.digest, rows=count)


def _write(made: Upload, found: Iterator[Row], schema: Schema) -> int:
    writer = csv.writer(made, delimiter=schema.separator, lineterminator="\n")
    if schema.header:
        writer.writerow(schema.columns)
    count = 0
    for row in found:
        writer.writerow([row.get(name, "") for name in schema.columns])
        count += 1
    return count


def _open(arrival: Arrival) -> Any:
    answer = client("s3").get_object(Bucket=settings().landing, Key=arrival.key, VersionId=arrival.version)
    return answer["Body"]


def _short(version: str) -> str:
    """A version's id may hold any letter."""
    return "".join(letter for letter in version if letter.isalnum())[:16]


def _reject(arrival: Arrival, reason: str) -> Fate:
    """Put the file under `rejected/` with the reason beside it, and tell people."""
    s3, bucket = client("s3"), settings().landing
    key = f"{REJECTED}/{'/'.join(arrival.parts)}"
    if arrival.size <= LARGEST_COPY:
        s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": arrival.key, "VersionId": arrival.version},
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
        )
    said = {"file": arrival.key, "version": arrival.version, "reason": reason}
    s3.put_object(
        Bucket=bucket,
        Key=f"{key}.reason.json",
        Body=json.dumps(said, indent=1),
        ContentType="application/json",
    )
    tell.rejected(arrival, reason)
    return Fate("rejected", reason=reason)
