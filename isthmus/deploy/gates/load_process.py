"""`python -m isthmus.deploy.gates.load_process`: Locust's users ask an endpoint as `load` wants it.

Standard input says what to ask, the last line of standard output what came of it, both as JSON.
"""

from __future__ import annotations

# ruff: noqa: E402  before anything opens a socket: Locust's users are greenlets
from gevent import monkey

monkey.patch_all()

import json
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from gevent.event import Event
from locust import User, constant
from locust.env import Environment
from locust.exception import StopUser

from isthmus.names import GATE_PREFIX


class Asking:
    """What is still to be asked, and what came of what was asked."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self.endpoint: str = wanted["endpoint"]
        self.target: Mapping[str, str] = wanted["target"]
        self.warm_up: int = wanted["warm_up"]
        self.left = self.warm_up + wanted["requests"]
        bodies: Iterator[str] = islice(cycle(wanted["bodies"]), self.left)
        self.requests = enumerate(bodies)
        pool = Config(max_pool_connections=wanted["concurrency"], retries={"total_max_attempts": 1})
        self.client = boto3.client("sagemaker-runtime", region_name=wanted["region"], config=pool)
        self.milliseconds: list[float] = []
        self.failures: list[str] = []
        self.first = self.last = 0.0
        self.done = Event()

    def note(
        self, response_time: float, exception: Exception | None, context: Mapping[str, Any], **_: Any
    ) -> None:
        """One request came to its end; Locust tells of each."""
        self.left -= 1
        if context["number"] >= self.warm_up:
            self.first = self.first or context["started"]
            self.last = time.perf_counter()
            if exception is None:
                self.milliseconds.append(response_time)
        if exception is not None:
            self.failures.append(str(exception)[:300])
        if not self.left:
            self.done.set()


def ask(user: Caller) -> None:
    """A user's task: the next request."""
    asking: Asking = user.asking
    number, body = next(asking.requests, (0, None))
    if body is None:
        raise StopUser
    started, failure = time.perf_counter(), None
    try:
        asking.client.invoke_endpoint(
            EndpointName=asking.endpoint,
            Body=body.encode(),
            ContentType="text/csv",
            Accept="text/csv",
            InferenceId=f"{GATE_PREFIX}{uuid.uuid4()}",
            **asking.target,
        )["Body"].read()
    except ClientError as error:
        said = error.response
        failure = RuntimeError(
            f"{said.get('OriginalStatusCode', said['Error']['Code'])} "
            f"{said.get('OriginalMessage', said['Error']['Message'])}"
        )
    except BotoCoreError as error:
        failure = RuntimeError(str(error))
    user.environment.events.request.fire(
        request_type="invoke",
        name=asking.endpoint,
        response_time=(time.perf_counter() - started) * 1000,
        response_length=0,
        exception=failure,
        context={"number": number, "started": started},
    )


class Caller(User):
    """Asks again as soon as it was answered."""

    asking: Asking
    wait_time = constant(0)
    tasks = [ask]  # noqa: RUF012  Locust's own way


def main() -> None:
    wanted = json.load(sys.stdin)
    environment = Environment(user_classes=[Caller], catch_exceptions=False)
    asking = Caller.asking = Asking(wanted)
    environment.events.request.add_listener(asking.note)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    runner.start(wanted["concurrency"], spawn_rate=100)
    asking.done.wait()
    runner.quit()
    seconds = asking.last - asking.first
    print(json.dumps({"milliseconds": asking.milliseconds, "failures": asking.failures, "seconds": seconds}))


if __name__ == "__main__":
    main()
