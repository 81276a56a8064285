"""Repairs, now and then, what events that never came have left, and tells people what waits for them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridge import deployments, lease, models, pending, waiting
from bridge.tend import look_after
from bridge.trace import Trace, logger

# What one model or job takes at the most; where less is left, the others wait for the next call.
LONGEST_MS = 15_000


def reconcile(left_ms: Callable[[], int]) -> dict[str, int]:
    """Look after each job that waits and each model; raises the first error after all have had their turn.

    In another order each time, for where there are too many for one call, each has its turn soon.
    """
    queued = 0
    errors: list[Exception] = []
    with _going_on(errors, Trace()):
        _look_after_jobs(errors)
    ours = list(models.ours())
    trace = Trace()
    with _going_on(errors, trace):
        pending.stages(set(ours), trace)
    for place, model in enumerate(random.sample(ours, len(ours))):
        if left_ms() < LONGEST_MS:
            logger.warning("left for the next call", models=len(ours) - place)
            break
        trace = Trace()
        trace.about("reconciliation", model)
        with _going_on(errors, trace):
            queued += deployments.repair(model)
        with _going_on(errors, trace):
            pending.versions(model, trace)
    if errors:
        raise errors[0]
    return {"queued": queued}


def _look_after_jobs(errors: list[Exception]) -> None:
    for job in waiting.every():
        trace = Trace()
        with _going_on(errors, trace):
            look_after(job, trace)


@contextmanager
def _going_on(errors: list[Exception], trace: Trace) -> Iterator[None]:
    """The trouble of one must not stop the next. An event that is being carried looks at all of this too."""
    try:
        yield
    except lease.Held:
        return
    except Exception as error:  # noqa: BLE001  all are raised in the end, by the first
        trace.hop("failed", reason=f"reconciling: {type(error).__name__}: {error}")
        errors.append(error)
