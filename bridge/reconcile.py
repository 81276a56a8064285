"""Repairs, now and then, what events that never came have left, and tells people what waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bridge import deployments, lease, models, pending, waiting
from bridge.tend import look_after
from bridge.trace import Trace


def reconcile() -> dict[str, int]:
    """Look after each model and each job that waits; raises the first error after all have had their turn."""
    queued = 0
    errors: list[Exception] = []
    ours = sorted(models.ours())
    for model in ours:
        trace = Trace()
        trace.about("reconciliation", model)
        with _going_on(errors, trace):
            queued += deployments.repair(model)
        with _going_on(errors, trace):
            pending.versions(model, trace)
    trace = Trace()
    with _going_on(errors, trace):
        pending.stages(set(ours), trace)
    for job in waiting.every():
        trace = Trace()
        with _going_on(errors, trace):
            look_after(job, trace)
    if errors:
        raise errors[0]
    return {"queued": queued}


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
