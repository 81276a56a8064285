"""Takes one file: checks it and writes what it holds as CSV beside the training data, or says why not."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from landing import memory, tell
from landing.arrival import REASON, Arrival
from landing.aws import client
from landing.check import checked
from landing.memory import Fate
from landing.refused import Refused
from landing.rows import Row, rows
from landing.schema import Schema, read_schema
from landing.settings import settings
from landing.upload import Upload

CHECKED, REJECTED = "checked", "rejected"
LONGEST_KEY = 1024
# What S3 says of an object that lies encrypted with a key that is not ours to use, or in an archive.
CLOSED = ("AccessDenied", "InvalidObjectState", "InvalidRequest", "ObjectNotInActiveTierError")
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
    try:
        answer = client("s3").get_object(
            Bucket=settings().landing, Key=arrival.key, VersionId=arrival.version
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in CLOSED:
            raise
        raise Refused(
            "S3 does not give it: land it without a storage class and with no other key than the bucket's"
        ) from None
    return answer["Body"]


def _short(version: str) -> str:
    """A version's id may hold any letter."""
    return "".join(letter for letter in version if letter.isalnum())[:16]


def _reject(arrival: Arrival, reason: str) -> Fate:
    """Put the file under `rejected/` with the reason beside it, and tell people."""
    key = f"{REJECTED}/{'/'.join(arrival.parts)}"
    # What is called like a reason would take the place of one.
    if arrival.size <= LARGEST_COPY and not key.endswith(REASON):
        _set_aside(arrival, key)
    said = {"file": arrival.key, "version": arrival.version, "reason": reason}
    client("s3").put_object(
        Bucket=settings().landing,
        Key=_reason_key(arrival, key),
        Body=json.dumps(said, indent=1),
        ContentType="application/json",
    )
    tell.rejected(arrival, reason)
    return Fate("rejected", reason=reason)


def _set_aside(arrival: Arrival, key: str) -> None:
    """A copy of the file, unless S3 gives it to nobody."""
    bucket = settings().landing
    try:
        client("s3").copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": arrival.key, "VersionId": arrival.version},
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in CLOSED:
            raise


def _reason_key(arrival: Arrival, key: str) -> str:
    """Beside the file; where S3 takes no key that long, the hash of the file's key stands for it."""
    beside = f"{key}{REASON}"
    if len(beside.encode()) <= LONGEST_KEY:
        return beside
    return f"{REJECTED}/{arrival.model[:100]}/{hashlib.sha256(arrival.key.encode()).hexdigest()}{REASON}"
