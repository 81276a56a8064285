"""What stands between the bridge's own handler and the clouds, and fails: network, SQS, Lambda; on one clock.

Every request that the bridge makes comes by here, whether of botocore or of urllib3 (`lead_through`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from benchmarks.simulated_clouds import Fleet
from benchmarks.simulated_queue import Message, Queue
from tests.bridge.conftest import AUTOMATION, REGION, tick

RECONCILED_EVERY_SECONDS = 900.0
# After the last event. One look may be a dead letter; an event that was lost is five minutes old by then.
LAST_LOOKS = 2
# How often each happens: per event, or per request.
COMES_AGAIN = 0.10
BREAKS, SERVER_ERROR, THROTTLED, KILLED, OVERLAPS = 0.004, 0.004, 0.004, 0.003, 0.005
# Of wishes for a run: none is answered, and the run is made so many seconds later.
MADE_LATE, LATE_SECONDS = 0.01, (3, 40)


class Killed(BaseException):
    """The Lambda is no more: nothing that it still does gets through."""


@dataclass
class World:
    """The clouds, the queue, the clock and the faults; every request of the handler comes by here."""

    random: random.Random
    clock: Any
    clouds: Fleet
    queue: Queue
    storms: list[tuple[float, float]]
    events: list[tuple[float, Message]]
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    own_ms: list[float] = field(default_factory=list)
    answering: float = 0.0
    dead: bool = False
    depth: int = 0
    # What the outermost invocation looks after just now.
    in_hand: Message | None = None
    sent: Iterator[int] = field(default_factory=itertools.count)
    # What takes effect late: when, and the request.
    owed: list[tuple[float, tuple[str, str, str, bytes]]] = field(default_factory=list)

    # ---- what stands between the bridge and the clouds

    def request(self, method: str, url: str, target: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """The answer: status, content, headers. Raises `TimeoutError` where the connection breaks."""
        started = time.thread_time()
        try:
            return self._request(method, url, target, body)
        finally:
            self.answering += time.thread_time() - started

    def _request(self, method: str, url: str, target: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if self.dead:
            raise Killed
        self._make_late()
        if self.depth == 1 and self.happens("overlapped", OVERLAPS):
            self._overlap()
        azure = "/_apis/" in url
        if azure and any(start <= time.time() < end for start, end in self.storms):
            self.faults["storm"] += 1
            return 429, {"message": "TF400733: too many requests"}, {"retry-after": "30"}
        if target and self.happens("throttled", THROTTLED):
            kind = "ProvisionedThroughputExceeded" if target.startswith("DynamoDB") else "Throttling"
            return 400, {"__type": f"{kind}Exception", "message": "slow down"}, {}
        self._may_die("killed before")
        if self.happens("broken before", BREAKS):
            raise TimeoutError
        if azure and self.happens("503", SERVER_ERROR):
            return 503, {"message": "unavailable"}, {}
        if method == "POST" and "/_apis/pipelines/" in url and self.happens("made late", MADE_LATE):
            at = time.time() + self.random.uniform(*LATE_SECONDS)
            self.owed.append((at, (method, url, target, body)))
            raise TimeoutError
        status, content = self._effect(method, url, target, body)
        self._may_die("killed after")
        if self.happens("broken after", BREAKS):
            raise TimeoutError
        return status, content, {}

    def _effect(self, method: str, url: str, target: str, body: bytes) -> tuple[int, Any]:
        if target == "AmazonSQS.ChangeMessageVisibility":
            asked = json.loads(body)
            self.queue.show_at(asked["ReceiptHandle"], time.time() + asked["VisibilityTimeout"])
            return 200, {}
        if target == "AmazonSQS.SendMessageBatch":
            return 200, self._asked_of_itself(json.loads(body)["Entries"])
        found = self.clouds.jobs.answer(method, url, target, body, "")
        return found or self.clouds._answer(method, url, target, body)

    def _make_late(self) -> None:
        """Make the runs whose time has come."""
        due = sorted(one for one in self.owed if one[0] <= time.time())
        for one in due:
            self.owed.remove(one)
            self._effect(*one[1])

    def _asked_of_itself(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Put the bridge's looks into its queue; a few of a batch are not taken."""
        taken, failed = [], []
        for one in entries:
            if self.happens("look not taken", THROTTLED):
                failed.append({"Id": one["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            self._send(one["MessageBody"], time.time() + one["DelaySeconds"])
            digest = hashlib.md5(one["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            taken.append({"Id": one["Id"], "MessageId": one["Id"], "MD5OfMessageBody": digest})
        return {"Successful": taken, "Failed": failed}

    def _send(self, body: str, visible: float) -> None:
        identity = f"look-{next(self.sent)}"
        self.queue.send(Message(identity, body, time.time(), is_look=True), visible)

    def happens(self, what: str, probability: float) -> bool:
        happens = self.random.random() < probability
        self.faults[what] += happens
        return happens

    def _may_die(self, what: str) -> None:
        if self.happens(what, KILLED):
            self.dead = True
            raise Killed

    # ---- Lambda

    def invoke(self) -> bool:
        """Hand the handler a batch of what is visible; False where nothing is."""
        if not (batch := self.queue.receive(time.time())):
            return False
        self._deliver(batch)
        return True

    def _overlap(self) -> None:
        """Another Lambda has the very message that is in hand, as SQS may; and then what else is visible."""
        if self.in_hand:
            self.in_hand.received += 1
            self._deliver([self.in_hand])
        self.invoke()

    def _deliver(self, batch: list[Message]) -> None:
        failed = self._handled(batch)
        for message in batch:
            if failed is not None and message.id not in failed and not self.happens("again", 0.01):
                self.queue.delete(message.id)

    def reconcile(self) -> None:
        """As the rule on a schedule does, now and then twice."""
        for _ in range(1 + self.happens("tick came again", COMES_AGAIN)):
            self._send(json.dumps(tick()), time.time())

    def _handled(self, batch: list[Message]) -> set[str] | None:
        """The ids of what failed; None where the Lambda was killed, or raised."""
        from bridge import handler

        outer = self.dead, self.answering
        self.dead, self.answering = False, 0.0
        self.depth += 1
        began, each = self._own_seconds(), []
        try:
            answer = handler.handle({"Records": self._handed_over(batch, each)}, None)
            # What it does once for a batch, such as writing metrics, is shared among its messages.
            shared = (self._own_seconds() - began - sum(each)) / len(batch)
            taken = zip(batch, each, strict=True)
            self.own_ms += [(own + shared) * 1000 for message, own in taken if not message.is_look]
            return {one["itemIdentifier"] for one in answer.get("batchItemFailures", [])}
        except Killed:
            self._new_lambda()
            return None
        finally:
            self.depth -= 1
            self.dead, self.answering = outer

    def _handed_over(self, batch: list[Message], each: list[float]) -> Iterator[dict[str, Any]]:
        """A batch's records; when the handler asks for the next, what it took for this one is known."""
        for message in batch:
            if self.depth == 1:
                self.in_hand = message
            began = self._own_seconds()
            yield _record(message)
            each.append(self._own_seconds() - began)

    def _own_seconds(self) -> float:
        """Of a core, without what clouds took to answer."""
        return time.thread_time() - self.answering

    def _new_lambda(self) -> None:
        """It remembers neither token nor pipelines, nor that anybody asked for rest."""
        from bridge import azure, web

        azure.azure_devops.cache_clear()
        web._rest_until = 0.0

    # ---- time

    def run(self) -> None:
        """Until every event was sent and the queue is empty, and the reconciler has looked twice more."""
        self.until_done()
        for _ in range(LAST_LOOKS):
            self.clock.shift(RECONCILED_EVERY_SECONDS)
            self.reconcile()
            self.until_done()

    def until_done(self) -> None:
        reconciled = time.time()
        while self.events or len(self.queue):
            while self.events and self.events[-1][0] <= time.time():
                at, message = self.events.pop()
                self.queue.send(message, at)
            if self.events and time.time() - reconciled >= RECONCILED_EVERY_SECONDS:
                reconciled = time.time()
                self.reconcile()
            if self.invoke():
                self.clock.shift(0.2)
                continue
            waits = [self.queue.next_due(), self.events[-1][0] if self.events else None]
            due = [one for one in waits if one is not None]
            if due:
                self.clock.move_to(max(min(due), time.time() + 0.2))


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {
            "SentTimestamp": str(int(message.sent * 1000)),
            "ApproximateReceiveCount": str(message.received),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{AUTOMATION}:isthmus-bridge",
        "awsRegion": REGION,
    }


def lead_through(world: World) -> None:
    """Have every request answered by the world, of botocore and of urllib3 alike."""
    from bridge import aws, settings, web

    for remembered in (aws.session, aws.client, settings.settings, web.pool):
        remembered.cache_clear()
    aws.session().register("before-send", lambda request, **_: _of_aws(world, request))
    web.pool = lambda: Pool(world)  # type: ignore[assignment]


def _of_aws(world: World, request: Any) -> AWSResponse:
    target = request.headers.get("X-Amz-Target", b"")
    target = target.decode() if isinstance(target, bytes) else target
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    try:
        status, content, headers = world.request(request.method, "/", target, body)
    except TimeoutError:
        raise ReadTimeoutError(endpoint_url=request.url) from None
    sent = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    answer = AWSResponse(request.url, status, headers, None)
    answer._content = sent
    return answer


@dataclass
class Pool:
    """What the bridge has of urllib3's."""

    world: World

    def request(self, method: str, url: str, *, body: bytes | None, **_: Any) -> Any:
        try:
            status, content, headers = self.world.request(method, url, "", body or b"")
        except TimeoutError:
            raise urllib3.exceptions.ReadTimeoutError(None, url, "simulated") from None  # type: ignore[arg-type]
        return urllib3.HTTPResponse(json.dumps(content).encode(), headers, status)
