"""The bridge's own code between a queue and clouds that are one local server."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.bridge.clouds import QUEUE, Clouds, serving

AUTOMATION, STAGING, PROD, REGION = "222233334444", "333344445555", "444455556666", "eu-west-1"
MODEL = "seattle-rain"
ARTIFACTS = f"isthmus-artifacts-{AUTOMATION}-{REGION}"
GROUP_ARN = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:model-package/{MODEL}"


@dataclass
class Bridge:
    """`send` hands messages over as SQS does; gives the ids of those that failed."""

    clouds: Clouds
    log: io.StringIO = field(default_factory=io.StringIO)

    def send(self, *envelopes: Any, attempt: int = 1, told: bool = True, sent: float = 0) -> list[str]:
        """What an event tells is in the registry, unless `told` otherwise; `sent` is now if not said."""
        from bridge import handler

        for envelope in envelopes if told else ():
            self.clouds.tell(envelope)
        records = [_record(str(number), envelope, attempt, sent) for number, envelope in enumerate(envelopes)]
        try:
            answer = handler.handle({"Records": records}, None)
        except Exception:  # noqa: BLE001  Lambda counts it as an error, and SQS keeps every message
            return [one["messageId"] for one in records]
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def reconcile(self) -> int:
        """A tick and what comes of it; what fails is left for the next. Returns how many runs it queued."""
        before, left = len(self.clouds.runs), []
        self.clouds.looks.append(json.dumps(tick()))
        while self.clouds.looks:
            look = self.clouds.looks.pop(0)
            left += [look] if self.send(look) else []
        self.clouds.looks += left
        return len(self.clouds.runs) - before

    def hops(self) -> list[dict[str, Any]]:
        """The hops logged so far."""
        return [line for line in map(json.loads, self.log.getvalue().splitlines()) if "hop" in line]

    def names_of_hops(self) -> list[str]:
        return [hop["hop"] for hop in self.hops()]


def _record(message_id: str, envelope: Any, attempt: int, sent: float) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": envelope if isinstance(envelope, str) else json.dumps(envelope),
        "attributes": {
            "SentTimestamp": str(round(((sent or time.time()) - 1) * 1000)),
            "ApproximateReceiveCount": str(attempt),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{AUTOMATION}:isthmus-bridge",
        "awsRegion": REGION,
    }


@pytest.fixture(scope="package")
def served() -> Iterator[tuple[Clouds, str]]:
    clouds = Clouds()
    with serving(clouds) as url:
        yield clouds, url


@pytest.fixture
def clouds(served: tuple[Clouds, str], monkeypatch: pytest.MonkeyPatch) -> Clouds:
    """Empty clouds, and an environment that names them."""
    clouds, url = served
    clear(clouds)
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    forget()
    return clouds


@pytest.fixture
def bridge(clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    from bridge import trace

    bridge = Bridge(clouds)
    monkeypatch.setattr(trace.logger.registered_handler, "stream", bridge.log)
    return bridge


def environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": AUTOMATION,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "AZURE_DEVOPS_URL": f"{url}/contoso",
        "AZURE_DEVOPS_PROJECT": "our weather",
        "AZURE_AUTHORITY_HOST": f"{url}/entra",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_CLIENT_ID": "client",
        "AZURE_AUDIENCE": "api://AzureADTokenExchange",
        "PLATFORM": "isthmus",
        "MEMORY_TABLE": "isthmus-bridge",
        "WAITING_TABLE": "isthmus-waiting",
        "EVENT_BUS": "isthmus-automation",
        "QUEUE_URL": QUEUE,
        "DEAD_LETTERS_URL": f"{QUEUE}-dlq",
        "ATTEMPTS": "30",
        "MODELS_PATH": "/isthmus/models",
        "ARTIFACT_BUCKET": ARTIFACTS,
        "NOTICES_TOPIC": f"arn:aws:sns:{REGION}:{AUTOMATION}:isthmus-notifications",
        "ESCALATIONS_TOPIC": f"arn:aws:sns:{REGION}:{AUTOMATION}:isthmus-escalations",
        "REMIND_AFTER": "86400 259200",
        "ESCALATE_AFTER": "432000",
        "AUTOMATION_ACCOUNT": AUTOMATION,
        "PROD_ACCOUNT": PROD,
        "STAGING_ROLE": f"arn:aws:iam::{STAGING}:role/isthmus-bridge",
        "PROD_ROLE": f"arn:aws:iam::{PROD}:role/isthmus-bridge",
        "FALLBACK_ROLE": f"arn:aws:iam::{PROD}:role/isthmus-fallback",
        "POWERTOOLS_SERVICE_NAME": "isthmus-bridge",
    }


def clear(clouds: Clouds) -> None:
    fresh = Clouds(models={MODEL, "other"})
    fresh.pipelines = {
        f"{model}-{kind}": 10 * m + k
        for m, model in enumerate((MODEL, "other"), 1)
        for k, kind in enumerate(("deploy", "build"))
    }
    for name in (
        "pipelines",
        "runs",
        "packages",
        "unlisted",
        "unlisted_runs",
        "objects",
        "written",
        "memory",
        "put_off",
        "said",
        "dead_letters",
        "looks",
        "delays",
        "full",
        "headers",
        "tardy",
        "owed",
        "throttled",
        "notices",
        "approvals",
        "requests",
        "fault",
        "meanwhile",
        "changes",
        "signed_in",
        "count",
        "models",
        "jobs",
        "stages",
    ):
        setattr(clouds, name, getattr(fresh, name))


def forget() -> None:
    """As in a new Lambda: nothing is remembered between invocations."""
    from bridge import aws, azure, settings, web

    web._rest_until = 0.0
    aws._lent.clear()
    for remembered in (aws.session, aws.client, azure.azure_devops, settings.settings, web.pool):
        remembered.cache_clear()


def approval(
    version: int = 1, at: str = "2026-11-20T10:00:00.123Z", *, id: str = "event-1", **detail: Any
) -> dict[str, Any]:
    """The event of an approval, as SageMaker sends it."""
    arn = f"{GROUP_ARN}/{version}"
    return {
        "version": "0",
        "id": id,
        "detail-type": "SageMaker Model Package State Change",
        "source": "aws.sagemaker",
        "account": AUTOMATION,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [arn],
        "detail": {
            "ModelPackageGroupName": MODEL,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "CreationTime": "2026-11-20T09:00:00.000Z",
            "LastModifiedTime": at,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
        | detail,
    }


def tick() -> dict[str, Any]:
    """The event of the rule on a schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": AUTOMATION,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{AUTOMATION}:rule/isthmus-bridge-reconcile"],
        "detail": {},
    }


def alarm(
    kind: str = "quality", *, state: str = "ALARM", previous: str = "OK", **envelope: Any
) -> dict[str, Any]:
    """The event of an alarm's change of state, as the prod account forwards it."""
    name = f"isthmus-{MODEL}-{kind}"
    return {
        "version": "0",
        "id": "alarm-1",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": PROD,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{PROD}:alarm:{name}"],
        "detail": {
            "alarmName": name,
            "state": {"value": state, "reason": "...", "timestamp": "2026-11-20T10:00:00.500+0000"},
            "previousState": {"value": previous},
            "configuration": {"metrics": []},
        },
    } | envelope


def due(*, id: str = "due-1", at: str = "2026-11-20T10:00:00Z", **detail: Any) -> dict[str, Any]:
    """The event of a model's schedule."""
    return {
        "version": "0",
        "id": id,
        "detail-type": "Retraining Due",
        "source": "isthmus.schedule",
        "account": AUTOMATION,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [],
        "detail": {"model": MODEL, "due": at} | detail,
    }


def landing(*, id: str = "landed-1", **detail: Any) -> dict[str, Any]:
    """The event of a data set that is complete, as the function of data landing tells it."""
    return {
        "version": "0",
        "id": id,
        "detail-type": "Data Set Complete",
        "source": "isthmus.landing",
        "account": AUTOMATION,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "model": MODEL,
            "dataSet": "2013-h1",
            "version": "0123456789abcdef",
            "landed": "2026-11-20T10:00:00.000+00:00",
            "files": 2,
            "rows": 181,
        }
        | detail,
    }
