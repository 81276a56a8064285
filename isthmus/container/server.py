"""One process that answers over HTTP, and how it stops.

On SIGTERM it says at /ping that it is stopping, and goes on answering until nobody asks any more and all are
answered; SageMaker kills it 30 seconds later. How many such processes there are is `serve`'s.
"""

from __future__ import annotations

import os
import socket
import time
from types import FrameType

import uvicorn

from isthmus.container.application import Application

QUIET_SECONDS = 0.3
DRAIN_SECONDS, LAST_ANSWERS_SECONDS = 20.0, 8


class Server(uvicorn.Server):
    """Serves until it is told to stop, and until its parent process has ended."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
                # Longer than a caller keeps an idle connection, so that the caller closes it, not we.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
            )
        )
        self.application = application
        self.told_to_stop = 0.0
        self.parent = os.getppid()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A first signal is heeded by `on_tick`; a second ends it at once."""
        self.should_exit = self.force_exit = self.application.draining
        self.application.draining = True
        self.told_to_stop = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        if self.application.draining:
            now, asked = time.monotonic(), max(self.application.last_asked, self.told_to_stop)
            is_quiet = not self.application.door.requests and now - asked > QUIET_SECONDS
            self.should_exit |= is_quiet or now - self.told_to_stop > DRAIN_SECONDS
        self.should_exit |= os.getppid() != self.parent
        return await super().on_tick(counter)


def listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """The socket to serve on; processes that share a port get each a part of the connections."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    made.listen(1024)
    return made
