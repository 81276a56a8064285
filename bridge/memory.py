"""Marks in the memory table: of several attempts to set one, one wins."""

from __future__ import annotations

import time

from bridge.aws import client
from bridge.settings import settings


def key(name: str) -> dict[str, dict[str, str]]:
    """What the mark is found by."""
    return {"id": {"S": name}}


def mark(name: str, owner: str, seconds: int) -> bool:
    """Set the mark for so long; False where somebody else's stands.

    A request that was sent again, its answer lost, finds its own.
    """
    now = int(time.time())
    try:
        client("dynamodb").put_item(
            TableName=settings().table,
            Item=key(name) | {"owner": {"S": owner}, "expiration": {"N": str(now + seconds)}},
            ConditionExpression="attribute_not_exists(id) OR expiration < :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException as error:
        found = error.response.get("Item", {}).get("owner", {}).get("S")
        return bool(found == owner)
    return True
