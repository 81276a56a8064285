"""What became of each version of each file: S3 tells of it at least once, and in any order."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from landing.arrival import Arrival
from landing.aws import client
from landing.refused import Busy
from landing.settings import settings

# Longer than the landing bucket keeps a file, which is taken again once it is forgotten.
REMEMBER_SECONDS = 400 * 86_400
State = Literal["working", "accepted", "rejected"]


@dataclass(frozen=True)
class Fate:
    """`accepted` with the CSV file that it became, or `rejected` with the reason; `working` before that."""

    state: State
    key: str = ""
    digest: str = ""
    rows: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Decision:
    """The version that a complete data set was, when its last file had landed, and whether that was told."""

    version: str
    landed: str
    told: bool = False


def claim(arrival: Arrival, seconds: int) -> Fate | None:
    """None where the file is now ours for so many seconds, else what became of it; raises `Busy`."""
    dynamodb, now = client("dynamodb"), int(time.time())
    try:
        dynamodb.put_item(
            TableName=settings().table,
            Item=_item(_id(arrival), Fate("working")) | {"until": {"N": str(now + seconds)}},
            ConditionExpression="attribute_not_exists(id) OR (#state = :working AND #until < :now)",
            ExpressionAttributeNames={"#state": "state", "#until": "until"},
            ExpressionAttributeValues={":working": {"S": "working"}, ":now": {"N": str(now)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        found = fates([arrival]).get(arrival)
        if found is None or found.state == "working":
            raise Busy(f"another invocation works on {arrival.key!r}") from None
        return found
    return None


def release(arrival: Arrival) -> None:
    """Give the file back untouched, so that it can be tried again at once."""
    client("dynamodb").delete_item(TableName=settings().table, Key={"id": {"S": _id(arrival)}})


def remember(arrival: Arrival, fate: Fate) -> None:
    client("dynamodb").put_item(TableName=settings().table, Item=_item(_id(arrival), fate))


def fates(arrivals: Iterable[Arrival]) -> dict[Arrival, Fate]:
    """What became of each, as far as that is known."""
    wanted = {_id(one): one for one in arrivals}
    return {
        wanted[item["id"]["S"]]: Fate(
            **{name: item[name]["S"] for name in ("state", "key", "digest", "reason")},
            rows=int(item["rows"]["N"]),
        )
        for item in _read(list(wanted))
    }


def last_decision(model: str, folder: str) -> Decision | None:
    """What the data set was last taken to be, if it ever was complete."""
    found = next(iter(_read([f"{model}/{folder}"])), None)
    if found is None:
        return None
    return Decision(found["version"]["S"], found["landed"]["S"], found["told"]["BOOL"])


def decide(model: str, folder: str, decision: Decision, *, instead_of: Decision | None) -> bool:
    """Remember what the data set is; False where somebody else has decided meanwhile."""
    dynamodb = client("dynamodb")
    said = {"version": {"S": decision.version}, "landed": {"S": decision.landed}}
    if instead_of is None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
    else:
        condition = {
            "ConditionExpression": "#version = :version AND #landed = :landed",
            "ExpressionAttributeNames": {"#version": "version", "#landed": "landed"},
            "ExpressionAttributeValues": {
                ":version": {"S": instead_of.version},
                ":landed": {"S": instead_of.landed},
            },
        }
    try:
        dynamodb.put_item(
            TableName=settings().table,
            Item=said | {"id": {"S": f"{model}/{folder}"}, "told": {"BOOL": decision.told}},
            **condition,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _id(arrival: Arrival) -> str:
    return f"{arrival.key}#{arrival.version}"


def _item(identity: str, fate: Fate) -> dict[str, Any]:
    told = {name: {"N" if name == "rows" else "S": str(value)} for name, value in asdict(fate).items()}
    return told | {"id": {"S": identity}, "expiration": {"N": str(int(time.time()) + REMEMBER_SECONDS)}}


def _read(identities: list[str]) -> Iterable[dict[str, Any]]:
    """The items of these ids, as they are now; DynamoDB gives a hundred at once, and sometimes not all."""
    dynamodb, table = client("dynamodb"), settings().table
    while identities:
        batch, identities = identities[:100], identities[100:]
        keys = [{"id": {"S": one}} for one in batch]
        answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        yield from answer["Responses"].get(table, [])
        left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        identities += [one["id"]["S"] for one in left]
