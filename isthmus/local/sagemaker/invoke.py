"""InvokeEndpoint: from the caller to a variant's process and back, captured on the way."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

import urllib3

from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import authorization, capture
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.serving import INVOCATION_SECONDS, Fleet, Server
from isthmus.local.sagemaker.wire import Response

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

_PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/invocations")
# An endpoint that comes back after a restart of the server is waited for.
READY_SECONDS = 60.0
_PASSED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")


def endpoint_of(path: str) -> str | None:
    """The endpoint's name, where the path is an invocation's."""
    match = _PATH.fullmatch(path)
    return unquote(match["name"]) if match else None


def invoke(here: SageMaker, caller: Caller, name: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Ask the endpoint; raises `ApiError` as SageMaker's runtime does (ValidationError, ModelError)."""
    space = here.state.space(caller.account, caller.region)
    arn = space.arn("endpoint", name)
    authorization.require_one(here, caller, "sagemaker:InvokeEndpoint", arn)
    record, host = space["endpoints"].get(name.lower()), here.hosts.by_arn.get(arn)
    if record is None or host is None or record["EndpointStatus"] in ("Creating", "Failed"):
        raise ApiError("ValidationError", f"Endpoint {name} of account {caller.account} not found.")
    fleet = host.fleet()
    if not fleet.ready.wait(READY_SECONDS):
        raise ApiError("ServiceUnavailable", f"Endpoint {name} is not ready.", 503)
    sent = {key.lower(): value for key, value in headers.items()}
    sent.setdefault("content-type", "application/octet-stream")
    inference_id = sent.get("x-amzn-sagemaker-inference-id")
    with fleet.serving(sent.get("x-amzn-sagemaker-target-variant")) as server:
        begun = time.perf_counter()
        answer = _ask(here, server, sent, body)
        _measure(here, server, answer.status, (time.perf_counter() - begun) * 1e6)
    answered = _relayed(server, answer)
    if fleet.recorder is not None:
        _capture(fleet, server, sent["content-type"], body, answer, inference_id)
    return answered


def _ask(here: SageMaker, server: Server, sent: Mapping[str, str], body: bytes) -> urllib3.BaseHTTPResponse:
    passed = {key: sent[key] for key in _PASSED if key in sent}
    try:
        return server.pool.request(
            "POST", "/invocations", body=body, headers=passed, timeout=INVOCATION_SECONDS
        )
    except urllib3.exceptions.TimeoutError:
        text = "Your invocation timed out while waiting for a response from container primary."
        _measure(here, server, 500, INVOCATION_SECONDS * 1e6)
        raise _model_error(server, 0, text, text) from None
    except urllib3.exceptions.HTTPError as error:
        _measure(here, server, 500, 0)
        said = f"The container did not answer: {error}"
        raise _model_error(
            server, 500, said, f'Received server error (500) from primary: "{said}".'
        ) from None


def _relayed(server: Server, answer: urllib3.BaseHTTPResponse) -> Response:
    if not 200 <= answer.status < 300:
        kind = "client" if answer.status < 500 else "server"
        said = answer.data.decode(errors="replace")[:3000]
        raise _model_error(
            server,
            answer.status,
            said,
            f'Received {kind} error ({answer.status}) from primary with message "{said}". '
            f"See the log stream {server.stream} of {server.log_group} for more information.",
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
    group = f"arn:aws:logs:{server.region}:{server.account}:log-group:{server.log_group}"
    stream = f"{group}:log-stream:{server.stream}"
    return ApiError(
        "ModelError", message, 424, OriginalStatusCode=status, OriginalMessage=said, LogStreamArn=stream
    )


def _measure(here: SageMaker, server: Server, status: int, microseconds: float) -> None:
    values = {
        "Invocations": 1.0,
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status >= 500),
        "ModelLatency": microseconds,
    }
    dimensions = {"EndpointName": server.endpoint, "VariantName": server.variant}
    of_the_fleet = dimensions | {"EndpointConfigName": server.plan["Config"]}
    for these in (dimensions, of_the_fleet):
        here.cloud.measure(server.account, server.region, "AWS/SageMaker", these, values)


def _capture(
    fleet: Fleet,
    server: Server,
    request_type: str,
    body: bytes,
    answer: urllib3.BaseHTTPResponse,
    inference_id: str | None,
) -> None:
    exchange = capture.Exchange(
        server.variant,
        body,
        request_type,
        answer.data,
        answer.headers.get("content-type", "application/octet-stream"),
        inference_id,
        capture.now(),
    )
    if fleet.recorder is not None:
        fleet.recorder.record(exchange)
