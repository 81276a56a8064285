"""What serves the endpoints now: the fleets of each, and which of them a request goes to."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from isthmus.local.sagemaker.asynchronous import Backlog
from isthmus.local.sagemaker.fleet import Fleet


@dataclass
class Host:
    """What serves an endpoint now: `live`, and during an update `green` with a share of the requests."""

    live: Fleet
    green: Fleet | None = None
    share: float = 0.0
    backlog: Backlog | None = None
    deleted: threading.Event = field(default_factory=threading.Event)

    def fleet(self) -> Fleet:
        green = self.green
        if green is not None and random.random() < self.share:  # noqa: S311
            return green
        return self.live


@dataclass
class Hosts:
    """The endpoints and inference components that are served by this process, by ARN."""

    by_arn: dict[str, Host] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    def drop(self, arn: str) -> None:
        """Forget what serves something that is deleted, and stop it once its requests are answered."""
        host = self.by_arn.pop(arn, None)
        if host is not None:
            host.deleted.set()
            for fleet in (host.live, host.green):
                if fleet is not None:
                    threading.Thread(target=fleet.retire, daemon=True).start()

    def stop_all(self) -> None:
        """Stop every endpoint's processes at once, and wait for them; nothing of it is recorded."""
        self.closing.set()
        fleets = [fleet for host in self.by_arn.values() for fleet in (host.live, host.green) if fleet]
        threads = [threading.Thread(target=fleet.stop) for fleet in fleets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.by_arn.clear()
