"""Requests that wait while the model works are predicted together: one call of the model for all of them.

Nothing waits for company: a request that comes while the model is idle is predicted at once, alone. One
thread predicts, so that the event loop stays free to answer. A request of more rows than make a call is
predicted in pieces, each of which waits its turn behind the requests that came meanwhile. What is too much to
wait is refused at the door, by `Door.enter`. A model whose prediction of a row depends on the rows beside it
is none that can be served so; the contract gate finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from isthmus.container.payload import Columns

# Columns, and the place in its request of the first of their rows.
Predict = Callable[[Columns, int], list[Any]]
# So many rows of several requests make a call; of a model that is done with them sooner than this, twice as
# many the next time: a call costs it more than a row. A slower one would only let the next request wait.
MOST_ROWS, QUICK_SECONDS = 1000, 0.05
# SageMaker has given up on a request after 60 seconds.
PATIENCE_SECONDS = 55.0


class Overloaded(Exception):
    """More is asked than the model can answer in time."""


@dataclass
class Door:
    """How many requests, and bytes of them, may be under way at a time."""

    most_requests: int = 256
    most_bytes: int = 64 * 1024 * 1024
    requests: int = 0
    bytes: int = 0

    @contextmanager
    def enter(self, size: int) -> Iterator[None]:
        """Let a request of so many bytes in; raises `Overloaded` where too many are in already."""
        if self.requests and (self.requests >= self.most_requests or self.bytes + size > self.most_bytes):
            raise Overloaded(f"{self.requests} requests are under way; ask again later")
        self.requests += 1
        self.bytes += size
        try:
            yield
        finally:
            self.requests -= 1
            self.bytes -= size


@dataclass(frozen=True)
class Waiting:
    """A request's rows from its row `first` on, and where their predictions go."""

    columns: Columns
    rows: int
    first: int
    since: float
    answer: asyncio.Future[list[Any]]


class Batches:
    """The queue before the model."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "model")
        self._work: asyncio.Task[None] | None = None
        self._most = MOST_ROWS

    async def predict(self, columns: Columns) -> list[Any]:
        """The predictions for the rows of one request; raises what the model raises for them alone."""
        rows, since = len(next(iter(columns.values()))), time.monotonic()
        if rows <= self._most:
            return await self._piece(columns, 0, since)
        found: list[Any] = []
        while (first := len(found)) < rows:
            part = {name: cells[first : first + self._most] for name, cells in columns.items()}
            found += await self._piece(part, first, since)
        return found

    async def _piece(self, columns: Columns, first: int, since: float) -> list[Any]:
        rows = len(next(iter(columns.values())))
        one = Waiting(columns, rows, first, since, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._until_empty())
        return await one.answer

    async def _until_empty(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            found = await loop.run_in_executor(self._thread, self._answers, batch)
            for one, answer in zip(batch, found, strict=True):
                if one.answer.done():
                    continue
                if isinstance(answer, Exception):
                    one.answer.set_exception(answer)
                else:
                    one.answer.set_result(answer)

    def _next(self) -> list[Waiting]:
        """The next requests, in the order in which they came, as many as make a batch."""
        batch: list[Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._most):
            batch.append(self._waiting.popleft())
            rows += batch[-1].rows
        return batch

    def _answers(self, batch: list[Waiting]) -> list[list[Any] | Exception]:
        """Each request's predictions or what it raised. One that breaks the batch breaks only itself."""
        if len(batch) > 1:
            try:
                return self._together(batch)
            except Exception:  # noqa: BLE001, S110  which of them it was shows when each is asked alone
                pass
        return [self._alone(one) for one in batch]

    def _together(self, batch: list[Waiting]) -> list[list[Any] | Exception]:
        columns = {name: [cell for one in batch for cell in one.columns[name]] for name in batch[0].columns}
        began = time.monotonic()
        predicted, found, start = self._predict(columns, 0), [], 0
        self._learn(len(predicted), time.monotonic() - began)
        for one in batch:
            found.append(predicted[start : start + one.rows])
            start += one.rows
        return [*found]

    def _learn(self, rows: int, seconds: float) -> None:
        """How many rows the next call may have."""
        if seconds > QUICK_SECONDS:
            self._most = max(MOST_ROWS, self._most // 2)
        else:
            self._most = max(self._most, 2 * rows)

    def _alone(self, one: Waiting) -> list[Any] | Exception:
        began = time.monotonic()
        if began - one.since > PATIENCE_SECONDS:
            return Overloaded(f"the request waited longer than {PATIENCE_SECONDS:.0f} seconds")
        try:
            predicted = self._predict(one.columns, one.first)
            self._learn(len(predicted), time.monotonic() - began)
            return predicted
        except Exception as error:  # noqa: BLE001  whatever it was, it belongs to whoever waits for the answer
            return error
