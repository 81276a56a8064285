"""The server process: ministack with Isthmus's additions, served on one port until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config as HypercornConfig
from hypercorn.utils import LifespanFailureError
from ministack import app as ministack

from isthmus.errors import Problem
from isthmus.local.aws import (
    account_access_block,
    alarms,
    api_gateway,
    api_tokens,
    api_types,
    authorization,
    boundaries,
    bucket_tags,
    cloudformation,
    deliveries,
    emr_serverless,
    events,
    federation,
    functions,
    glue_sessions,
    guard_rails,
    identity,
    network_types,
    oam,
    organization_types,
    organizations,
    queries,
    queues,
    role_drift,
    sagemaker,
    saved_queries,
    scaling,
    scaling_types,
    search_types,
    service_quotas,
    session_policies,
    signatures,
    snapshots,
    source_identity,
    stacks,
    studio_types,
    surface,
)
from isthmus.local.aws.settings import Settings
from isthmus.local.aws.tokens import Signer
from isthmus.local.sagemaker import service, studio_sessions

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
# ministack's own, which read queues and erase all state for whoever asks; AWS has nothing of the kind.
CONTROLS = ("/_ministack/", "/_localstack/")
HEALTH = "/_ministack/health"
_NOT_AWS = b'{"message": "AWS has no such path, and neither has this one."}'


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; prints `ready <url>` when requests are answered."""
    surface.check()
    signer = Signer(settings.state / "signing-key.pem", settings.url)
    handlers = ministack.SERVICE_HANDLERS
    snapshots.install()
    authorization.install(handlers)
    signatures.install()
    federation.install(handlers, settings.url)
    identity.install(handlers, settings.issuers, signer)
    source_identity.install(handlers)
    session_policies.install()
    events.install()
    deliveries.install()
    queues.install()
    alarms.install(settings.minute)
    functions.install(settings.environment)
    sagemaker.install(settings)
    api_gateway.install(settings.url)
    api_tokens.install(settings.issuers)
    api_types.install(handlers)
    network_types.install()
    stacks.install(handlers)
    cloudformation.install()
    role_drift.install()
    bucket_tags.install()
    studio_types.install()
    emr_serverless.install()
    oam.install()
    service_quotas.install()
    search_types.install()
    saved_queries.install(handlers)
    scaling.install()
    scaling_types.install()
    glue_sessions.install(handlers)
    boundaries.install()
    organizations.install(handlers, settings)
    organization_types.install()
    guard_rails.install()
    account_access_block.install()
    queries.install(handlers)
    asyncio.run(_serve(settings, signer))


async def _serve(settings: Settings, signer: Signer) -> None:
    stopping, changed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    kept = snapshots.Snapshots(settings.state / "services")
    beside = [asyncio.create_task(one) for one in (kept.keep(changed), _announce(settings), alarms.watch())]
    service.on_change(changed.set)

    async def stopped() -> None:
        await stopping.wait()
        # While S3 still answers: endpoints write what they have captured.
        await asyncio.to_thread(service.shut_down)

    failures: list[Problem] = []
    application: Any = _application(signer, changed, failures)
    try:
        await hypercorn_serve(application, _hypercorn(settings), shutdown_trigger=stopped)
    except LifespanFailureError:
        raise failures[0] from None
    finally:
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _hypercorn(settings: Settings) -> HypercornConfig:
    config = HypercornConfig()
    config.bind = [f"fd://{settings.listening}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.shutdown_timeout = 3
    config.loglevel = "WARNING"
    return config


def _application(signer: Signer, changed: asyncio.Event, failures: list[Problem]) -> Application:
    """ministack's, and paths of our own; a `Problem` of its start ends the server and stays in `failures`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await ministack.app(scope, receive, send)
            except Problem as problem:
                failures.append(problem)
                await send({"type": "lifespan.startup.failed", "message": problem.what})
            return
        if scope["type"] == "http" and scope["path"] == "/_isthmus/jwks":
            await _answer(send, signer.jwks())
            return
        if scope["type"] == "http" and scope["path"].startswith(studio_sessions.PATH):
            token = scope["path"].removeprefix(studio_sessions.PATH)
            await _answer(send, *(await asyncio.to_thread(service.enter_studio, token)))
            return
        if scope["type"] == "http" and scope["path"].startswith(CONTROLS) and scope["path"] != HEALTH:
            await _answer(send, _NOT_AWS, 404)
            return
        await ministack.app(scope, receive, send)
        if scope["type"] == "http":
            changed.set()

    return application


async def _answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _announce(settings: Settings) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.close()
            print(f"ready {settings.url}", flush=True)
            return
        await asyncio.sleep(0.02)
