"""The web application that serves a model: /ping, /invocations and /execution-parameters over ASGI.

Contract: SageMaker's "Custom inference code with hosting services" and "with batch transform". Whatever a
request holds, the answer is a status and a sentence: 4xx for what the caller can mend, 503 with `Retry-
After` for more than can be answered, 500 for the model's own faults. Sockets, signals and processes are
`server`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from isthmus.container import payload
from isthmus.container.batches import Batches, Door, Overloaded
from isthmus.container.model import Model, ModelFailed
from isthmus.errors import BadInput

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# InvokeEndpoint takes so much (botocore's model); a batch transform says what it sends.
LARGEST_MB = 6
# Parsing more than this takes longer than another request should wait for.
LARGE = 64 * 1024
RETRY_SECONDS = 1


@dataclass(frozen=True)
class Answer:
    """A status and a text."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


def refusal(status: int, message: str) -> Answer:
    return Answer(status, message + "\n")


class Application:
    """Serves `model`; once `draining`, it says at /ping that it is stopping, but still answers."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.batches = Batches(model.predict)
        self.door = Door()
        self.draining = False
        self.last_asked = time.monotonic()
        self.largest = int(os.environ.get("SAGEMAKER_MAX_PAYLOAD_IN_MB") or LARGEST_MB) * 1024 * 1024

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        body = answer.text.encode(errors="backslashreplace")
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            *answer.headers,
        ]
        if self.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        if path == "/invocations":
            if method == "POST":
                return await self._invocations(dict(scope["headers"]), receive)
            return Answer(405, "send rows by POST\n", headers=((b"allow", b"POST"),))
        if path == "/ping":
            return refusal(503, "stopping") if self.draining else Answer(200, "")
        if path == "/execution-parameters":
            return Answer(200, json.dumps(self._execution_parameters()), "application/json")
        return refusal(404, "there is /ping and /invocations")

    async def _invocations(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        self.last_asked = time.monotonic()
        size = _length(headers)
        if size > self.largest:
            return self._too_large()
        try:
            with self.door.enter(size):
                body = await _body(receive, self.largest)
                if body is None:
                    return self._too_large()
                return await self._predictions(body, headers)
        except Overloaded as error:
            return Answer(503, f"{error}\n", headers=((b"retry-after", str(RETRY_SECONDS).encode()),))
        except BadInput as error:
            return refusal(400, error.what)
        except ModelFailed as error:
            return refusal(500, str(error))

    async def _predictions(self, body: bytes, headers: dict[bytes, bytes]) -> Answer:
        content_type = headers.get(b"content-type", b"text/csv").decode("latin-1")
        accept = headers.get(b"accept", b"text/csv").decode("latin-1")
        if len(body) < LARGE:
            columns = self.model.read(body, content_type)
        else:
            columns = await asyncio.to_thread(self.model.read, body, content_type)
        return Answer(200, *payload.write(await self.batches.predict(columns), accept))

    def _too_large(self) -> Answer:
        most = self.largest // 1024 // 1024
        return refusal(413, f"the request is larger than {most} MB; send fewer rows at a time")

    def _execution_parameters(self) -> dict[str, Any]:
        return {
            "MaxConcurrentTransforms": os.cpu_count() or 1,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": self.largest // 1024 // 1024,
        }


def _length(headers: dict[bytes, bytes]) -> int:
    """What the request says of its size; nothing where it comes in chunks."""
    said = headers.get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


async def _body(receive: Receive, most: int) -> bytes | None:
    """The request's body, or None as soon as it is too large; `BadInput` where it ends too early."""
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole if len(whole) <= most else None
    body = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("the request ended before its body did")
        body += message.get("body", b"")
        if len(body) > most:
            return None
    return bytes(body)
