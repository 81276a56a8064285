"""Runs that train a model: queued once, and of retrainings one at a time, with a rest between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bridge import carry, lease
from bridge.azure import azure_devops
from bridge.run import Queued, Run
from bridge.trace import Hop
from bridge.web import Retryable

# How soon it is asked again whether the model is still being trained.
AGAIN_SECONDS = 600


def queue(run: Run) -> Hop:
    """What becomes of a wish for a build."""
    with lease.held(run.pipeline):
        return carry.once(run, azure_devops().runs(run.pipeline))


def retrain(run: Run, rest: timedelta) -> Hop:
    """What becomes of a wish for a retraining: the run; or nothing, where the last one was not so long ago.

    Raises `Retryable` while a run of the model goes on.
    """
    with lease.held(run.pipeline):
        runs = azure_devops().runs(run.pipeline)
        if not any(one.covers(run) for one in runs):
            if going := next((one for one in runs if not one.over), None):
                raise Retryable(f"run {going.id} trains the model now, one at a time", AGAIN_SECONDS)
            if resting := _rests(run, runs, rest):
                return resting
        return carry.once(run, runs)


def _rests(run: Run, runs: Sequence[Queued], rest: timedelta) -> Hop | None:
    last = max((one for one in runs if one.retrains), key=lambda one: one.queued, default=None)
    if last is None or datetime.fromisoformat(run.moment) >= datetime.fromisoformat(last.queued) + rest:
        return None
    return Hop("cooling", {"reason": f"run {last.id} retrained the model less than {rest} before"})
