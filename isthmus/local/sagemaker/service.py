"""SageMaker and its runtime as a service module of ministack: requests in, answers out, state saved.

Requests are authorized here (see `authorization`), not by ministack's dispatch: one call may need several
actions, and those of a pipeline's steps never pass the dispatch. Whoever is inside the server calls
`here().invoke` as some principal, or `handle_request` without a signature as the account.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from isthmus.executor import sandbox
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError, invalid
from isthmus.local.sagemaker import asynchronous, invoke, studio_sessions
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.sagemaker import SageMaker
from isthmus.local.sagemaker.wire import Response, answer, refusal


class Settings(Protocol):
    """What `isthmus.local.aws.settings.Settings` has of what is needed here."""

    @property
    def url(self) -> str: ...
    @property
    def state(self) -> Path: ...
    @property
    def environment(self) -> dict[str, str]: ...
    @property
    def minute(self) -> float: ...


_here: SageMaker | None = None


def configure(settings: Settings, isolation: sandbox.Kind | None = None) -> None:
    """Say where AWS answers and where jobs have their folders. Must come before the first request."""
    global _here
    from isthmus.local.sagemaker.here import Here

    cloud = Here(settings.url)
    environment = {"AWS_ENDPOINT_URL": settings.url, **settings.environment}
    _here = SageMaker(cloud, settings.state / "sagemaker", environment, isolation, settings.minute)
    _here.folder.mkdir(parents=True, exist_ok=True)
    threading.Thread(target=_prepare, args=(cloud,), daemon=True).start()


def on_change(react: Callable[[], None]) -> None:
    """Have `react` called on the server's event loop after each change that no request made."""
    loop = asyncio.get_running_loop()
    sagemaker = here()
    sagemaker.state.on_change = lambda: _call_soon(loop, react)
    cloud: Any = sagemaker.cloud
    cloud.loop = loop


def _call_soon(loop: asyncio.AbstractEventLoop, react: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(react)


def here() -> SageMaker:
    if _here is None:
        raise RuntimeError("isthmus.local.sagemaker.service.configure was not called")
    return _here


def _prepare(cloud: Any) -> None:
    cloud.warm_up()
    sandbox.available()


async def handle_request(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
) -> Response:
    """Answer one request of SageMaker's API or runtime; the work is done in a thread."""
    try:
        return await asyncio.to_thread(_handle, here(), path, headers, body, query_params)
    except ApiError as error:
        return refusal(error)


def _handle(
    sagemaker: SageMaker, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> Response:
    caller = _caller(headers, query)
    if asked := invoke.endpoint_of(path):
        endpoint, queued = asked
        if queued:
            return asynchronous.invoke_async(sagemaker, caller, endpoint, headers)
        return invoke.invoke(sagemaker, caller, endpoint, headers, body)
    operation = headers.get("x-amz-target", "").removeprefix("SageMaker.")
    try:
        params: Record = json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "The request is not valid JSON.") from None
    if not isinstance(params, dict):
        raise invalid("The request is not a JSON object.")
    return answer(sagemaker.invoke(operation, params, caller))


def _caller(headers: Mapping[str, str], query: Mapping[str, Any]) -> Caller:
    from ministack.core import iam_evaluator, router
    from ministack.core.responses import get_account_id, get_region

    account, region = get_account_id(), get_region()
    key = router.extract_access_key_id(dict(headers), dict(query))
    if not key:
        # Every request over HTTP has a host; one without comes from inside the server.
        if "host" in headers:
            raise ApiError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        key = account
    identity = iam_evaluator.resolve_caller_identity(key) or {}
    arn = identity.get("userArn", f"arn:aws:iam::{account}:root")
    return Caller(account, region, arn, key, principal_id=identity.get("userId", ""))


def look_after() -> None:
    """What SageMaker does by itself now and then: idle serverless containers rest, backlogs are measured."""
    for host in list(here().hosts.by_arn.values()):
        for sleeper in list(host.live.sleepers.values()):
            sleeper.rest()
        if host.backlog is not None:
            host.backlog.work()


def enter_studio(token: str) -> tuple[bytes, int]:
    """The answer of a presigned URL, and its HTTP status."""
    try:
        credentials = studio_sessions.enter(here(), token)
    except ApiError as error:
        return json.dumps({"code": error.code, "message": error.message}).encode(), 403
    if credentials is None:
        return json.dumps({"code": "Expired", "message": "This URL is unknown or too old."}).encode(), 403
    return json.dumps(credentials).encode(), 200


# ---- ministack's hooks for state


def get_state() -> dict[str, Any]:
    return here().state.dump()


def load_persisted_state(data: dict[str, Any]) -> None:
    """Take up the state of an earlier process: what was in flight has ended, endpoints come back."""
    here().state.load(data)
    here().resume()


def reset() -> None:
    here().shut_down()
    here().state.clear()


def shut_down() -> None:
    """Stop jobs and endpoints, and write what was captured; the server is still answering."""
    if _here is not None:
        _here.shut_down()
