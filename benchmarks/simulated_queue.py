"""SQS as the bridge's queue is set up, on a clock that stands still while nobody moves it.

At-least-once delivery: a message that was deleted may come once more. What is received is invisible until its
timeout; what was received too often is a dead letter.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

VISIBILITY_SECONDS = 360.0


@dataclass
class Message:
    id: str
    body: str
    sent: float
    # Sent by the bridge itself, or by the clock.
    is_look: bool = False
    received: int = 0
    # Rises when it is made visible at another time: what stands in the heap for the time before is void.
    turn: int = 0


@dataclass
class Queue:
    most_receives: int
    dead: list[Message] = field(default_factory=list)
    _held: dict[str, Message] = field(default_factory=dict)
    _due: list[tuple[float, int, str, int]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def __len__(self) -> int:
        return len(self._held)

    def send(self, message: Message, visible: float) -> None:
        self._held[message.id] = message
        self.show_at(message.id, visible)

    def show_at(self, id: str, visible: float) -> None:
        """As `ChangeMessageVisibility`; of a message that is gone, nothing."""
        if message := self._held.get(id):
            message.turn += 1
            heapq.heappush(self._due, (visible, next(self._order), id, message.turn))

    def next_due(self) -> float | None:
        """When the next message is visible; None where none ever will be."""
        while self._due:
            visible, _, id, turn = self._due[0]
            if id in self._held and self._held[id].turn == turn:
                return visible
            heapq.heappop(self._due)
        return None

    def receive(self, now: float, most: int = 10) -> list[Message]:
        """The messages that are visible now, which are invisible from now on."""
        batch: list[Message] = []
        while len(batch) < most and (due := self.next_due()) is not None and due <= now:
            message = self._held[heapq.heappop(self._due)[2]]
            if message.received >= self.most_receives:
                self.dead.append(self._held.pop(message.id))
                continue
            message.received += 1
            self.show_at(message.id, now + VISIBILITY_SECONDS)
            batch.append(message)
        return batch

    def delete(self, id: str) -> None:
        self._held.pop(id, None)
