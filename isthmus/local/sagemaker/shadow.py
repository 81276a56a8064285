"""A shadow variant: it gets copies of requests, and whatever becomes of them touches no caller.

How large its share is, SageMaker's API does not say for an endpoint configuration. Here it is the shadow's
weight by the production variant's, which AWS's own example of equal weights for all requests fits.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.local.sagemaker.serving import Server

WORKERS = 4
# Of a shadow that is slower than its traffic so many copies wait; what comes then is not copied.
MOST_WAITING = 256
PATIENCE_SECONDS = 2.0
logger = logging.getLogger("isthmus.shadow")


class Shadow:
    """The shadow's process, and the threads that ask it."""

    def __init__(self, server: Server, share: float) -> None:
        self.server, self._share = server, share
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(MOST_WAITING)
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS)]
        for worker in self._workers:
            worker.start()

    def offer(self, ask: Callable[[], None]) -> None:
        """Have the shadow asked by and by, if the lot falls on this request; never waits, never raises."""
        if random.random() < self._share:  # noqa: S311
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(ask)

    def _work(self) -> None:
        while (ask := self._waiting.get()) is not None:
            try:
                ask()
            except Exception as error:  # noqa: BLE001 - it is a copy: nobody waits for its answer
                logger.info("shadow %s: %s", self.server.variant, error)

    def stop(self) -> None:
        """Forget the copies that wait, let those under way be answered, and stop the process."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        for _ in self._workers:
            self._waiting.put(None)
        deadline = time.monotonic() + PATIENCE_SECONDS
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        self.server.stop()
