"""Work on every core at once, whose results come in the order in which it was given."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


def ahead(work: Callable[[Given], Found], given: Iterable[Given]) -> Iterator[Found]:
    """What comes of each; no more are held than there are cores, and one."""
    cores = len(os.sched_getaffinity(0))
    at_work: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for one in given:
            at_work.append(pool.submit(work, one))
            if len(at_work) > cores:
                yield at_work.popleft().result()
        while at_work:
            yield at_work.popleft().result()
