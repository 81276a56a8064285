"""The memory table: marks, of which one of several attempts to set one wins; and texts that are kept."""

from __future__ import annotations

import time

from bridge.aws import client
from bridge.settings import settings


def key(name: str) -> dict[str, dict[str, str]]:
    """What the mark is found by."""
    return {"id": {"S": name}}


def mark(name: str, owner: str, seconds: int) -> bool:
    """Set the mark for so long from now, one's own anew too; False where somebody else's stands."""
    now = int(time.time())
    try:
        client("dynamodb").put_item(
            TableName=settings().table,
            Item=key(name) | {"owner": {"S": owner}, "expiration": {"N": str(now + seconds)}},
            ConditionExpression="attribute_not_exists(id) OR expiration < :now OR #owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":now": {"N": str(now)}, ":owner": {"S": owner}},
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return False
    return True


def keep(name: str, text: str, seconds: int) -> None:
    """Keep a text for so long, in place of what was kept by that name."""
    until = {"N": str(int(time.time()) + seconds)}
    client("dynamodb").put_item(
        TableName=settings().table, Item=key(name) | {"text": {"S": text}, "expiration": until}
    )


def recall(name: str) -> str:
    """The text that was kept by that name; empty for none."""
    found = client("dynamodb").get_item(TableName=settings().table, Key=key(name), ConsistentRead=True)
    return str(found.get("Item", {}).get("text", {}).get("S", ""))
