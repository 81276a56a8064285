"""Approvals through the bridge's own handler while all around it fails: what is lost, twice, out of order?

python benchmarks/bridge_faults.py [--events N] [--models N] [--seed N] [--json]

Each model's versions are approved one after the other. Their events come late, in another order, several
times, or never; Azure DevOps has storms of 429 and answers 503; connections break before and after a request
took effect; the Lambda is killed at any request, before and after; DynamoDB throttles; and between any two
requests of one invocation another one may go on. The clock is simulated, so hours pass in minutes. Clouds
answer in this process; what the bridge itself takes of a core (`p50_ms`, `p99_ms`) is measured without them.
Exits with 1 where anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import time_machine
import urllib3
from botocore.awsrequest import AWSResponse

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.simulated_queue import Message, Queue
from tests.bridge.clouds import Clouds
from tests.bridge.conftest import AUTOMATION, REGION, environment, tick

START = 1_795_000_000.0
APPROVED_EVERY_SECONDS = 90.0
RECONCILED_EVERY_SECONDS = 900.0
ATTEMPTS_OF_SQS = 33
# After the last event. One look may be a dead letter; an event that was lost is five minutes old by then.
LAST_LOOKS = 2
# How often each happens: per event, or per request.
NEVER_COMES, COMES_AGAIN, IS_LATE = 0.02, 0.10, 0.20
BREAKS, SERVER_ERROR, THROTTLED, KILLED, OVERLAPS = 0.004, 0.004, 0.004, 0.003, 0.005
STORM_EVERY_SECONDS, STORM_SECONDS = 1800.0, 120.0
# What must never come of them.
NEVER = ("lost", "duplicates", "out_of_order")
# Of what went wrong, each in words; the same seed gives the same ones again.
MOST_FINDINGS = 20


class Killed(BaseException):
    """The Lambda is no more: nothing that it still does gets through."""


@dataclass
class Fleet(Clouds):
    """Clouds that hold a hundred thousand versions and runs, by model."""

    by_model: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    by_pipeline: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def approve(self, model: str, version: int, at: float) -> dict[str, Any]:
        """Have a version approved at that moment, from which on the registry shows it; gives its event."""
        arn = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:model-package/{model}/{version}"
        package = {
            "ModelPackageGroupName": model,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
            "CreationTime": round(at - 30, 3),
            "LastModifiedTime": round(at, 3),
        }
        self.packages[arn] = package | {"ModelPackageStatusDetails": {"ValidationStatuses": []}}
        self.by_model[model].append(package)
        return {
            "version": "0",
            "id": f"{model}-{version}",
            "detail-type": "SageMaker Model Package State Change",
            "source": "aws.sagemaker",
            "account": AUTOMATION,
            "region": REGION,
            "resources": [arn],
            "detail": package
            | {
                "CreationTime": package["CreationTime"] * 1000,
                "LastModifiedTime": round(at * 1000),
                "UpdatedModelPackageFields": ["ModelApprovalStatus"],
            },
        }

    def _sagemaker(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if operation != "ListModelPackages":
            return super()._sagemaker(operation, asked)
        if asked["ModelApprovalStatus"] != "Approved":
            return 200, {"ModelPackageSummaryList": []}
        known = self.by_model[asked["ModelPackageGroupName"]]
        shown = known[: bisect.bisect_right(known, time.time(), key=lambda one: one["LastModifiedTime"])]
        found = shown[: -asked["MaxResults"] - 1 : -1]
        keys = ("ModelPackageArn", "ModelPackageStatus", "CreationTime")
        return 200, {"ModelPackageSummaryList": [{key: one[key] for key in keys} for one in found]}

    def _azure(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path == "build/definitions":
            return 200, {"count": 1, "value": [{"id": self.pipelines[query["name"][0]]}]}
        if path == "build/builds":
            found = self.by_pipeline[query["definitions"][0]][: -int(query["$top"][0]) - 1 : -1]
            return 200, {"count": len(found), "value": found}
        answer = super()._azure(method, path, query, body)
        if method == "GET":
            return answer
        self.by_pipeline[str(self.runs[-1]["pipeline"])].append(self.runs[-1])
        return answer


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
    sent: Iterator[int] = field(default_factory=itertools.count)

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
        if self.depth == 1 and self._happens("overlapped", OVERLAPS):
            self.invoke()
        azure = "/_apis/" in url
        if azure and any(start <= time.time() < end for start, end in self.storms):
            self.faults["storm"] += 1
            return 429, {"message": "TF400733: too many requests"}, {"retry-after": "30"}
        if target and self._happens("throttled", THROTTLED):
            kind = "ProvisionedThroughputExceeded" if target.startswith("DynamoDB") else "Throttling"
            return 400, {"__type": f"{kind}Exception", "message": "slow down"}, {}
        self._may_die("killed before")
        if self._happens("broken before", BREAKS):
            raise TimeoutError
        if azure and self._happens("503", SERVER_ERROR):
            return 503, {"message": "unavailable"}, {}
        status, content = self._effect(method, url, target, body)
        self._may_die("killed after")
        if self._happens("broken after", BREAKS):
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

    def _asked_of_itself(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Put the bridge's looks into its queue; a few of a batch are not taken."""
        taken, failed = [], []
        for one in entries:
            if self._happens("look not taken", THROTTLED):
                failed.append({"Id": one["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            self._send(one["MessageBody"], time.time() + one["DelaySeconds"])
            digest = hashlib.md5(one["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            taken.append({"Id": one["Id"], "MessageId": one["Id"], "MD5OfMessageBody": digest})
        return {"Successful": taken, "Failed": failed}

    def _send(self, body: str, visible: float) -> None:
        identity = f"look-{next(self.sent)}"
        self.queue.send(Message(identity, body, time.time()), visible)

    def _happens(self, what: str, probability: float) -> bool:
        happens = self.random.random() < probability
        self.faults[what] += happens
        return happens

    def _may_die(self, what: str) -> None:
        if self._happens(what, KILLED):
            self.dead = True
            raise Killed

    # ---- Lambda

    def invoke(self) -> bool:
        """Hand the handler a batch of what is visible; False where nothing is."""
        if not (batch := self.queue.receive(time.time())):
            return False
        failed = self._handled({"Records": [_record(message) for message in batch]}, len(batch))
        for message in batch:
            if failed is not None and message.id not in failed and not self._happens("again", 0.01):
                self.queue.delete(message.id)
        return True

    def reconcile(self) -> None:
        """As the rule on a schedule does, now and then twice."""
        for _ in range(1 + self._happens("tick came again", COMES_AGAIN)):
            self._send(json.dumps(tick()), time.time())

    def _handled(self, event: dict[str, Any], messages: int) -> set[str] | None:
        """The ids of what failed; None where the Lambda was killed, or raised."""
        from bridge import handler

        outer = self.dead, self.answering
        self.dead, self.answering = False, 0.0
        self.depth += 1
        started = time.thread_time()
        try:
            answer = handler.handle(event, None)
            return {one["itemIdentifier"] for one in answer.get("batchItemFailures", [])}
        except Killed:
            self._new_lambda()
            return None
        finally:
            taken = time.thread_time() - started
            self.own_ms += [(taken - self.answering) / messages * 1000] * messages
            self.depth -= 1
            self.dead, self.answering = outer[0], outer[1] + taken

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


# ---------------------------------------------------------------- what is handed over


def approvals(world: World, models: dict[str, int]) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """When each version is approved, of which model, and its event; `models` says how many each has."""
    for model, versions in models.items():
        at = START + world.random.random() * APPROVED_EVERY_SECONDS
        for version in range(1, versions + 1):
            at += world.random.expovariate(1 / APPROVED_EVERY_SECONDS)
            yield at, model, {"version": version}


def deliveries(world: World, at: float, event: dict[str, Any]) -> Iterator[tuple[float, Message]]:
    """The copies of an event, each with the moment at which the queue gets it."""
    if world._happens("never came", NEVER_COMES):
        return
    for copy in range(1 + world._happens("came again", COMES_AGAIN)):
        late = world.random.uniform(0, 600) if world._happens("late", IS_LATE) else world.random.uniform(0, 2)
        if copy and world._happens("hours late", IS_LATE):
            late += world.random.uniform(3600, 4 * 3600)
        yield at + late, Message(f"{event['id']}-{copy}", json.dumps(event), at + late)


def simulate(models: dict[str, int], seed: int) -> dict[str, Any]:
    """One process's share of the models, each with its number of versions."""
    logging.disable(logging.CRITICAL)
    random.seed(seed)
    os.environ |= environment("http://clouds.invalid")
    # Powertools prints its metrics, and its switch for that is not heeded by what writes for CloudWatch.
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        time_machine.travel(START, tick=False) as clock,
    ):
        world = _world(models, seed, clock)
        _through(world)
        began = time.perf_counter()
        world.run()
        return _found(world, models) | {"seconds": time.perf_counter() - began}


def _world(models: dict[str, int], seed: int, clock: Any) -> World:
    fleet = Fleet(models=set(models))
    fleet.pipelines = {f"{model}-deploy": number for number, model in enumerate(models, 1)}
    lasts = max(models.values()) * APPROVED_EVERY_SECONDS
    storms = [
        (START + at, START + at + STORM_SECONDS)
        for at in range(300, int(lasts) + 1, int(STORM_EVERY_SECONDS))
    ]
    world = World(random.Random(seed), clock, fleet, Queue(ATTEMPTS_OF_SQS), storms, [])
    for at, model, known in approvals(world, models):
        event = fleet.approve(model, known["version"], at)
        world.events += deliveries(world, at, event)
    world.events.sort(key=lambda one: -one[0])
    return world


def _through(world: World) -> None:
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
        from botocore.exceptions import ReadTimeoutError

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


# ---------------------------------------------------------------- what came of it


def _found(world: World, models: dict[str, int]) -> dict[str, Any]:
    lost = twice = disordered = 0
    findings = [f"dead letter: {one['reason']}: {one['body'][:300]}" for one in world.clouds.dead_letters]
    findings += [f"dead letter of SQS: {one.body[:300]}" for one in world.queue.dead]
    for model, versions in models.items():
        runs = [
            one["templateParameters"]
            for one in world.clouds.by_pipeline[str(world.clouds.pipelines[f"{model}-deploy"])]
        ]
        order = [int(one["modelPackageArn"].rpartition("/")[2]) for one in runs]
        if order != list(range(1, versions + 1)):
            findings.append(f"{model}: {order}")
        lost += versions - len(set(order))
        twice += len(order) - len(set(order))
        disordered += sum(later < earlier for earlier, later in itertools.pairwise(order))
    return {
        "lost": lost,
        "duplicates": twice,
        "out_of_order": disordered,
        "dead_letters": len(world.queue.dead) + len(world.clouds.dead_letters),
        "own_ms": world.own_ms,
        "findings": findings,
        "faults": dict(world.faults),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000, help="approvals, of all models together")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    if min(asked.events, asked.models) < 1:
        parser.error("--events and --models are at least 1")
    shares = shared(asked.events, min(asked.models, asked.events))
    with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
        work = [(share, asked.seed + number) for number, share in enumerate(shares)]
        said = told(pool.starmap(simulate, work), asked.events)
    if asked.json:
        print(json.dumps(said))
    else:
        for name, value in said.items():
            print(f"{name:<18} {value}")
    sys.exit(any(said[fault] for fault in NEVER))


def shared(events: int, models: int) -> list[dict[str, int]]:
    """A share of the models for each process, with how many versions each has; the first have one more."""
    processes = min(os.cpu_count() or 1, models)
    each, over = divmod(events, models)
    return [
        {f"model-{number}": each + (number < over) for number in range(one, models, processes)}
        for one in range(processes)
    ]


def told(shares: list[dict[str, Any]], events: int) -> dict[str, Any]:
    """The shares' findings as one."""
    own = sorted(one for share in shares for one in share["own_ms"])
    faults: dict[str, int] = defaultdict(int)
    for share in shares:
        for name, count in share["faults"].items():
            faults[name] += count
    centiles = statistics.quantiles(own, n=100)
    return {
        "events": events,
        **{key: sum(share[key] for share in shares) for key in (*NEVER, "dead_letters")},
        "deliveries": len(own),
        "throughput_per_s": round(len(own) / max(share["seconds"] for share in shares), 1),
        "p50_ms": round(centiles[49], 2),
        "p99_ms": round(centiles[98], 2),
        "faults": dict(sorted(faults.items())),
        "findings": [one for share in shares for one in share["findings"]][:MOST_FINDINGS],
    }


if __name__ == "__main__":
    main()
