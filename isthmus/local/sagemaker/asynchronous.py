"""Asynchronous endpoints: requests wait in a queue, their inputs and results lie in S3, SNS tells of the end.

What waits is kept with the endpoint's record, so that a restart of the server loses none.
Documents: SageMaker's developer guide, "Asynchronous inference"; InvokeEndpointAsync of the runtime's API.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isthmus.executor.objects import StoreError, split_uri
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import async_results, invoke
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import now
from isthmus.local.sagemaker.wire import Response

if TYPE_CHECKING:
    from isthmus.local.sagemaker.fleet import Fleet
    from isthmus.local.sagemaker.hosts import Host
    from isthmus.local.sagemaker.sagemaker import SageMaker
    from isthmus.local.sagemaker.serving import Server

# Where the configuration does not say; SageMaker chooses by the instance.
CONCURRENCY = 4


@dataclass
class Backlog:
    """The requests that wait at one endpoint, and those under way."""

    here: SageMaker
    account: str
    region: str
    record: Record
    host: Host
    _under_way: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def config(self) -> Record:
        config: Record = self.record["_plan"]["AsyncInferenceConfig"]
        return config

    @property
    def instances(self) -> int:
        return sum(one["CurrentInstanceCount"] for one in self.record.get("ProductionVariants", []))

    @property
    def _waiting(self) -> list[Record]:
        waiting: list[Record] = self.record.setdefault("_waiting", [])
        return waiting

    def put(self, headers: Mapping[str, str]) -> Record:
        """Take a request; returns it, with where its result or failure will lie."""
        if not headers.get(f"{async_results.HEADER}inputlocation"):
            raise ApiError("ValidationError", "InputLocation must be given.")
        request = async_results.request_of(self.config["OutputConfig"], self.record["EndpointName"], headers)
        with self._lock:
            self._waiting.append(request)
        self.here.state.changed()
        self.work()
        return request

    def work(self) -> None:
        """Start on what waits, as many at a time as the instances take, and measure what is left."""
        client = self.config.get("ClientConfig", {})
        limit = client.get("MaxConcurrentInvocationsPerInstance", CONCURRENCY) * self.instances
        with self._lock:
            idle = [one for one in self._waiting if one["Id"] not in self._under_way]
            begun = idle[: max(0, limit - len(self._under_way))]
            self._under_way |= {one["Id"] for one in begun}
        for request in begun:
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()
        self.measure()

    def measure(self) -> None:
        """The metrics that scaling goes by; per instance only where there is one."""
        size, instances = len(self._waiting), self.instances
        values = {
            "ApproximateBacklogSize": float(size),
            "HasBacklogWithoutCapacity": float(bool(size) and not instances),
        }
        if instances:
            values["ApproximateBacklogSizePerInstance"] = size / instances
        self._measure(values)

    def _measure(self, values: Mapping[str, float]) -> None:
        dimensions = {"EndpointName": self.record["EndpointName"]}
        self.here.cloud.measure(self.account, self.region, "AWS/SageMaker", dimensions, values)

    def _answer(self, request: Record) -> None:
        """The body of a thread: ask the model, write down what it said, and tell."""
        fleet = self.host.fleet()
        try:
            # A request that is not served now, because the fleet is being replaced, waits on.
            if not fleet.ready.wait(invoke.READY_SECONDS):
                return
            with fleet.serving(None) as server:
                failure = self._served(fleet, server, request)
        except NotServing:
            return
        finally:
            with self._lock:
                self._under_way.discard(request["Id"])
        with self._lock:
            self._waiting.remove(request)
        self._measure({"InvocationFailures": float(failure), "InvocationsProcessed": float(not failure)})
        self.here.state.changed()
        self.work()

    def _served(self, fleet: Fleet, server: Server, request: Record) -> bool:
        """Whether it failed."""
        role, output = server.acting(), self.config["OutputConfig"]
        objects = self.here.cloud.objects(role)
        try:
            answer = self._ask(fleet, server, objects, request)
        except (ApiError, StoreError) as error:
            if fleet.stopping.is_set():
                raise NotServing(str(error)) from None
            async_results.failed(self.here.cloud, role, output, request, str(error))
            return True
        objects.write(*split_uri(request["OutputLocation"]), answer.body, output.get("KmsKeyId"))
        async_results.completed(self.here.cloud, role, output, request, answer.content_type)
        return False

    def _ask(self, fleet: Fleet, server: Server, objects: Any, request: Record) -> async_results.Answer:
        if now() - request["ReceivedTime"] > request["RequestTTLSeconds"]:
            raise StoreError("The request was not processed within its time to live.")
        try:
            body = objects.read(*split_uri(request["InputLocation"]))
        except StoreError as error:
            where = request["InputLocation"]
            raise StoreError(f"Unable to download the input payload from {where}: {error}") from None
        headers = {"content-type": request["ContentType"], **request["Headers"]}
        began = time.perf_counter()
        answer = invoke.ask(self.here, server, headers, body, request["InvocationTimeoutSeconds"])
        invoke.measure(self.here, server, answer.status, (time.perf_counter() - began) * 1e6, queued=True)
        _, said, result = invoke.relayed(server, answer)
        invoke.capture_exchange(fleet, server, headers, body, answer)
        return async_results.Answer(result, said["Content-Type"])


def invoke_async(here: SageMaker, caller: Caller, name: str, headers: Mapping[str, str]) -> Response:
    """Take a request for an asynchronous endpoint; raises `ApiError` as SageMaker's runtime does."""
    backlog: Backlog | None = invoke.find(here, caller, name, "InvokeEndpointAsync").backlog
    if backlog is None:
        raise ApiError("InternalFailure", f"Endpoint {name} has no queue.", 500)
    request = backlog.put({key.lower(): value for key, value in headers.items()})
    said = {"Content-Type": "application/json", "X-Amzn-SageMaker-OutputLocation": request["OutputLocation"]}
    if "FailureLocation" in request:
        said["X-Amzn-SageMaker-FailureLocation"] = request["FailureLocation"]
    return 202, said, json.dumps({"InferenceId": request["Id"]}).encode()
