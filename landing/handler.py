"""The Lambda's entry, `landing.handler.handle`: messages of S3 that came through SNS and SQS.

A message succeeds, or its id is among those that failed: it returns to the queue, and after its last attempt
goes to the dead letters. A file that is not fit is no failure: that is said, and done.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from landing import data_set, tell
from landing.arrival import Arrival, arrivals
from landing.refused import Refused
from landing.take import take

GONE = ("NoSuchKey", "NoSuchVersion")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take what each message tells of; returns the ids of those that failed (`batchItemFailures`)."""
    failed = []
    for record in event["Records"]:
        try:
            for arrival in arrivals(record["body"]):
                _arrive(arrival, context.get_remaining_time_in_millis() // 1000)
        except Exception as error:  # noqa: BLE001  its message returns, and the others of the batch do not
            tell.log("failed", hop="failed", reason=f"{type(error).__name__}: {error}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _arrive(arrival: Arrival, seconds: int) -> None:
    about = {"model": arrival.model, "data_set": arrival.data_set, "file": arrival.name}
    try:
        if arrival.is_data:
            fate = take(arrival, seconds)
            tell.log(fate.state, hop=fate.state, **about, rows=fate.rows, reason=fate.reason)
        if arrival.data_set and (arrival.is_data or arrival.is_marker):
            data_set.settle(arrival.model, arrival.data_set)
    except Refused as refusal:
        tell.log("ignored", hop="ignored", **about, reason=str(refusal))
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        tell.log("gone", hop="ignored", **about, reason="it was deleted before it was looked at")
