"""The function of data landing between buckets, a table and a bus that a local AWS holds."""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.local.conftest import AUTOMATION, REGION, Aws, aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]

MODEL = "tides"
LANDING, DATA, TABLE, BUS = "landing-in", "landing-data", "landing-memory", "landing-bus"
SCHEMA: dict[str, Any] = {
    "columns": ["day", "height", "harbour", "note", "flood"],
    "header": True,
    "separator": ",",
    "missing": ["NA"],
    "kinds": {"day": "time", "height": "number", "harbour": "text", "flood": "class"},
    "classes": ["0", "1"],
    "files": ["*"],
    "complete": "marker",
    "most_missing": 0.5,
    "fewest_rows": 1,
}
ROWS = "day,height,harbour,flood\n2026-01-01,3.5,Elbe,0\n2026-01-02,NA,Jade,1\n"
SHAPED = "day,height,harbour,note,flood\n2026-01-01,3.5,Elbe,,0\n2026-01-02,NA,Jade,,1\n"


@dataclass
class Zone:
    """What has landed; `put` and `deliver` are what S3 does, apart, so that a test says in which order."""

    aws: Aws
    folder: str

    def client(self, service: str) -> Any:
        return self.aws.client(service, AUTOMATION)

    def put(self, name: str, content: str | bytes = ROWS, folder: str | None = None) -> dict[str, Any]:
        """Land a file; returns the message that S3 sends of it."""
        key = f"incoming/{MODEL}/{self.folder if folder is None else folder}/{name}".replace("//", "/")
        body = content.encode() if isinstance(content, str) else content
        made = self.client("s3").put_object(Bucket=LANDING, Key=key, Body=body)
        found = {"key": quote_plus(key, safe="/"), "size": len(body), "versionId": made["VersionId"]}
        return {"Records": [{"s3": {"bucket": {"name": LANDING}, "object": found}}]}

    def deliver(self, *messages: Any) -> list[str]:
        """Hand messages to the function; returns the ids of those that failed."""
        from landing.handler import handle

        records = [
            {"messageId": str(number), "body": one if isinstance(one, str) else json.dumps(one)}
            for number, one in enumerate(messages)
        ]
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
        return [one["itemIdentifier"] for one in handle({"Records": records}, context)["batchItemFailures"]]

    def land(self, name: str, content: str | bytes = ROWS) -> None:
        assert self.deliver(self.put(name, content)) == []

    def reason(self, name: str) -> str:
        """Why the file was rejected."""
        key = f"rejected/{MODEL}/{self.folder}/{name}.reason.json"
        return json.loads(self.client("s3").get_object(Bucket=LANDING, Key=key)["Body"].read())["reason"]

    def told(self) -> list[dict[str, Any]]:
        """What the function has put on the bus since the last look."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=BUS)["QueueUrl"]
        found = []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def files(self) -> dict[str, str]:
        """What training reads of the data set, by the name of the file that landed; newest version."""
        s3, prefix = self.client("s3"), f"{MODEL}/landed/{self.folder}/"
        listed = s3.list_objects_v2(Bucket=DATA, Prefix=prefix).get("Contents", [])
        if not listed:
            return {}
        newest = max(listed, key=lambda one: one["LastModified"])["Key"]
        said = json.loads(s3.get_object(Bucket=DATA, Key=newest)["Body"].read())
        return {
            one["name"]: s3.get_object(Bucket=DATA, Key=one["key"])["Body"].read().decode()
            for one in said["files"]
        }

    def declare(self, **changes: Any) -> None:
        """What the model takes."""
        body = json.dumps(SCHEMA | changes).encode()
        self.client("s3").put_object(Bucket=DATA, Key=f"{MODEL}/schema.json", Body=body)

    def allow(self, **landing: Any) -> None:
        """What platform.yaml says of the model."""
        self.client("ssm").put_parameter(
            Name=f"/tidal/models/{MODEL}", Value=json.dumps(landing), Type="String", Overwrite=True
        )


@pytest.fixture(scope="session")
def furnished(aws: Aws) -> Aws:
    s3, events, sqs = (aws.client(name, AUTOMATION) for name in ("s3", "events", "sqs"))
    for bucket in (LANDING, DATA):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    aws.client("dynamodb", AUTOMATION).create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    events.create_event_bus(Name=BUS)
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:{BUS}"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.create_queue(QueueName=BUS, Attributes={"Policy": policy})
    pattern = json.dumps({"source": ["isthmus.landing"]})
    events.put_rule(Name="landing-told", EventBusName=BUS, EventPattern=pattern)
    events.put_targets(Rule="landing-told", EventBusName=BUS, Targets=[{"Id": "one", "Arn": arn}])
    return aws


@pytest.fixture
def zone(furnished: Aws, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Zone]:
    """An empty folder for a data set, whose model takes what `SCHEMA` says."""
    environment = {
        "AWS_ENDPOINT_URL": furnished.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": AUTOMATION,
        "AWS_SECRET_ACCESS_KEY": "test",
        "LANDING_BUCKET": LANDING,
        "DATA_BUCKET": DATA,
        "LANDING_TABLE": TABLE,
        "EVENT_BUS": BUS,
        "MODELS_PATH": "/tidal/models",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    from landing import aws as clients
    from landing import settings

    settings.settings.cache_clear()
    clients.client.cache_clear()
    zone = Zone(furnished, f"set-{zlib.crc32(request.node.nodeid.encode())}")
    zone.declare()
    zone.allow(landing={"megabytes": 1})
    zone.told()
    yield zone
    clients.client.cache_clear()
    with contextlib.suppress(AssertionError):
        zone.told()


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
