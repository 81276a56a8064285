"""What was asked of the API and what it answered, on disk, where ISTHMUS_RECORD names a folder.

For whoever holds both against Microsoft's description: the test session does, at its end. A line of
`<process>.jsonl` is one exchange, with bodies as Latin-1 so that any bytes are a text. It is on disk before
the caller has the answer, so nothing that anybody saw is missing, however this process ends; and the same
exchange is written once. Headers are left out, and with them how callers signed in; an answer's body may
hold a token of the stand-in's own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = "ISTHMUS_RECORD"


def recorded(app: ASGIApp) -> ASGIApp:
    """The application, recorded where the environment says so."""
    folder = os.environ.get(FOLDER)
    return Recorder(app, Path(folder)) if folder else app


class Recorder:
    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._file = (folder / f"{os.getpid()}.jsonl").open("ab", buffering=0)
        self._written: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"/_apis" not in scope["raw_path"]:
            await self._app(scope, receive, send)
            return
        sent, received = bytearray(), bytearray()
        begun: Message = {}

        async def hear() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.update(message)
            else:
                received.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._write(scope, begun, bytes(sent), bytes(received))
            await send(message)

        await self._app(scope, hear, say)

    def _write(self, scope: Scope, begun: Message, sent: bytes, received: bytes) -> None:
        headers = dict(begun["headers"])
        query = scope["query_string"]
        exchange = {
            "method": scope["method"],
            "url": (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1"),
            "sent": sent.decode("latin-1"),
            "status": begun["status"],
            "content_type": headers.get(b"content-type", b"").decode("latin-1"),
            "received": received.decode("latin-1"),
        }
        line = json.dumps(exchange).encode() + b"\n"
        if line not in self._written:
            self._written.add(line)
            self._file.write(line)
