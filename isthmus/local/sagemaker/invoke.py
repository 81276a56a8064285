"""InvokeEndpoint: from the caller to a variant's process and back, captured on the way."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import urllib3

from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import authorization, capture
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.fleet import Fleet
from isthmus.local.sagemaker.kinds import takes_components
from isthmus.local.sagemaker.serving import INVOCATION_SECONDS, NotServing, Server
from isthmus.local.sagemaker.wire import Response

if TYPE_CHECKING:
    from isthmus.local.sagemaker.hosts import Host
    from isthmus.local.sagemaker.sagemaker import SageMaker

_PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<how>invocations|async-invocations)")
# An endpoint that comes back after a restart of the server is waited for.
READY_SECONDS = 60.0
_PASSED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")


def endpoint_of(path: str) -> tuple[str, bool] | None:
    """The endpoint's name, and whether its answer is not waited for, where the path is an invocation's."""
    match = _PATH.fullmatch(path)
    return (unquote(match["name"]), match["how"] != "invocations") if match else None


def find(here: SageMaker, caller: Caller, name: str, operation: str) -> Host:
    """What serves the endpoint, where the caller may ask it; raises `ApiError` as the runtime does."""
    space = here.state.space(caller.account, caller.region)
    arn = space.arn("endpoint", name)
    authorization.require_one(here, caller, f"sagemaker:{operation}", arn)
    record, host = space["endpoints"].get(name.lower()), here.hosts.by_arn.get(arn)
    if record is None or host is None or record["EndpointStatus"] in ("Creating", "Failed"):
        raise ApiError("ValidationError", f"Endpoint {name} of account {caller.account} not found.")
    if (host.backlog is not None) != (operation == "InvokeEndpointAsync"):
        kind = "asynchronous" if host.backlog else "synchronous"
        raise ApiError("ValidationError", f"Endpoint {name} is {kind}: it does not take {operation}.")
    return host


def invoke(here: SageMaker, caller: Caller, name: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Ask the endpoint; raises `ApiError` as SageMaker's runtime does (ValidationError, ModelError)."""
    sent = {key.lower(): value for key, value in headers.items()}
    host = find(here, caller, name, "InvokeEndpoint")
    if takes_components(host.live.plan):
        host = _component(here, caller, name, sent.get("x-amzn-sagemaker-inference-component"))
    fleet = host.fleet()
    if not fleet.ready.wait(READY_SECONDS):
        raise ApiError("ServiceUnavailable", f"Endpoint {name} is not ready.", 503)
    sent.setdefault("content-type", "application/octet-stream")
    if fleet.shadow is not None:
        fleet.shadow.offer(partial(_mirror, here, fleet, fleet.shadow.server, sent, body))
    try:
        with fleet.serving(sent.get("x-amzn-sagemaker-target-variant")) as server:
            answer = _asked(here, server, sent, body)
    except NotServing as error:
        raise ApiError("ServiceUnavailable", str(error), 503) from None
    answered = relayed(server, answer)
    capture_exchange(fleet, server, sent, body, answer)
    return answered


def _component(here: SageMaker, caller: Caller, endpoint: str, name: str | None) -> Host:
    """What serves the component, where the caller may ask it as well; raises `ApiError` as the runtime does.

    Whoever names one of an endpoint asks two resources: the endpoint, and the component.
    """
    if not name:
        raise ApiError(
            "ValidationError",
            "Inference Component Name header is required for endpoints to which you plan to deploy inference "
            "components. Please include Inference Component Name header or consider using SageMaker models.",
        )
    space = here.state.space(caller.account, caller.region)
    arn = space.arn("inference-component", name)
    authorization.require_one(here, caller, "sagemaker:InvokeEndpoint", arn)
    record, host = space["inference-components"].get(name.lower()), here.hosts.by_arn.get(arn)
    there = record is not None and record["EndpointName"].lower() == endpoint.lower()
    if record is None or host is None or not there or record["InferenceComponentStatus"] == "Failed":
        raise ApiError("ValidationError", f"Inference component {name} of endpoint {endpoint} not found.")
    if not record["RuntimeConfig"]["CurrentCopyCount"]:
        raise ApiError(
            "ValidationError",
            "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
            "in-progress (if configured) or try to increase the capacity by invoking "
            "UpdateInferenceComponentRuntimeConfig API.",
        )
    return host


def _mirror(here: SageMaker, fleet: Fleet, server: Server, sent: Mapping[str, str], body: bytes) -> None:
    """Ask the shadow the same; its answer is captured, and given to nobody. Raises `ApiError` as `ask`."""
    answer = _asked(here, server, sent, body)
    relayed(server, answer)
    capture_exchange(fleet, server, sent, body, answer)


def _asked(here: SageMaker, server: Server, sent: Mapping[str, str], body: bytes) -> urllib3.BaseHTTPResponse:
    """What `ask` gives, measured."""
    begun = time.perf_counter()
    answer = ask(here, server, sent, body)
    measure(here, server, answer.status, (time.perf_counter() - begun) * 1e6)
    return answer


def ask(
    here: SageMaker,
    server: Server,
    sent: Mapping[str, str],
    body: bytes,
    seconds: float = INVOCATION_SECONDS,
) -> urllib3.BaseHTTPResponse:
    """The container's answer, whatever its status; raises `ApiError` where it gives none."""
    passed = {key: sent[key] for key in _PASSED if key in sent}
    try:
        return server.pool.request("POST", "/invocations", body=body, headers=passed, timeout=seconds)
    except urllib3.exceptions.TimeoutError:
        text = "Your invocation timed out while waiting for a response from container primary."
        measure(here, server, 500, seconds * 1e6)
        raise _model_error(server, 0, text, text) from None
    except urllib3.exceptions.HTTPError as error:
        measure(here, server, 500, 0)
        said = f"The container did not answer: {error}"
        raise _model_error(
            server, 500, said, f'Received server error (500) from primary: "{said}".'
        ) from None


def relayed(server: Server, answer: urllib3.BaseHTTPResponse) -> Response:
    """What the caller gets; raises a ModelError for what is no success."""
    if not 200 <= answer.status < 300:
        kind = "client" if answer.status < 500 else "server"
        said = answer.data.decode(errors="replace")[:3000]
        raise _model_error(
            server,
            answer.status,
            said,
            f'Received {kind} error ({answer.status}) from primary with message "{said}". '
            f"See the log stream {server.stream} of {server.group} for more information.",
        )
    headers = {
        "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": server.variant,
    }
    attributes = answer.headers.get("x-amzn-sagemaker-custom-attributes")
    if attributes:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = attributes
    return 200, headers, answer.data


def _model_error(server: Server, status: int, said: str, message: str) -> ApiError:
    group = f"arn:aws:logs:{server.region}:{server.account}:log-group:{server.group}"
    stream = f"{group}:log-stream:{server.stream}"
    return ApiError(
        "ModelError", message, 424, OriginalStatusCode=status, OriginalMessage=said, LogStreamArn=stream
    )


def measure(
    here: SageMaker, server: Server, status: int, microseconds: float, *, queued: bool = False
) -> None:
    """One request's metrics; of one that was `queued` SageMaker publishes no `Invocations`."""
    instances = server.plan.get("InitialInstanceCount", 1)
    values = {
        **({} if queued else {"Invocations": 1.0, "InvocationsPerInstance": 1 / instances}),
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status >= 500),
        "ModelLatency": microseconds,
    }
    dimensions = {"EndpointName": server.endpoint, "VariantName": server.variant}
    if server.component:
        also = {"InferenceComponentName": server.component}
        values["InvocationsPerCopy"] = values["InvocationsPerInstance"]
    else:
        also = dimensions | {"EndpointConfigName": server.plan["Config"]}
    for these in (dimensions, also):
        here.cloud.measure(server.account, server.region, "AWS/SageMaker", these, values)


def capture_exchange(
    fleet: Fleet, server: Server, sent: Mapping[str, str], body: bytes, answer: urllib3.BaseHTTPResponse
) -> None:
    """Write a request and its answer down, where the endpoint captures."""
    exchange = capture.Exchange(
        server.variant,
        body,
        sent["content-type"],
        answer.data,
        answer.headers.get("content-type", "application/octet-stream"),
        sent.get("x-amzn-sagemaker-inference-id"),
        capture.now(),
    )
    if fleet.recorder is not None:
        fleet.recorder.record(exchange)
