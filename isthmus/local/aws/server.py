"""The server process: ministack with Isthmus's additions, served on one port until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config as HypercornConfig
from ministack import app as ministack
from ministack.core import persistence

from isthmus.local.aws import alarms, cloudformation, events, identity, sagemaker, surface
from isthmus.local.aws.settings import Settings

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
# State is written this long after the last change, so that `kill -9` loses about a second.
SNAPSHOT_AFTER = 1.0


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; prints `ready <url>` when connections are accepted."""
    surface.check()
    signer = identity.Signer(settings.state / "signing-key.pem", settings.url)
    identity.install(ministack.SERVICE_HANDLERS, settings.issuers, signer)
    events.install()
    alarms.install()
    sagemaker.install(settings)
    cloudformation.install()
    asyncio.run(_serve(settings, signer))


async def _serve(settings: Settings, signer: identity.Signer) -> None:
    stopping, changed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    config = HypercornConfig()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.shutdown_timeout = 3
    config.loglevel = "WARNING"
    snapshots = asyncio.create_task(_snapshots(changed))
    ready = asyncio.create_task(_announce(settings))
    sagemaker.service.on_change(changed.set)

    async def stopped() -> None:
        await stopping.wait()
        # While S3 still answers: endpoints write what they have captured.
        await asyncio.to_thread(sagemaker.service.shut_down)

    await hypercorn_serve(_application(signer, changed), config, shutdown_trigger=stopped)  # type: ignore[arg-type]
    for task in (ready, snapshots):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _application(
    signer: identity.Signer, changed: asyncio.Event
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/_isthmus/jwks":
            await _answer(send, signer.jwks())
            return
        await ministack.app(scope, receive, send)
        if scope["type"] == "http":
            changed.set()

    return application


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _announce(settings: Settings) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.close()
            print(f"ready {settings.url}", flush=True)
            return
        await asyncio.sleep(0.02)


async def _snapshots(changed: asyncio.Event) -> None:
    while True:
        await changed.wait()
        await asyncio.sleep(SNAPSHOT_AFTER)
        changed.clear()
        await asyncio.to_thread(persistence.save_all, ministack._build_persistence_save_dict())
