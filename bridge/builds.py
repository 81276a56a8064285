"""Runs that train a model though nobody merged: queued once, one at a time, with rests, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bridge import automatic, budget, carry, lease
from bridge.azure import azure_devops
from bridge.models import Model
from bridge.run import Queued, Run
from bridge.trace import Hop
from bridge.web import Retryable

# How soon it is asked again whether the model is still being trained.
AGAIN_SECONDS = 600
# After runs of which reasons a run of some reason rests. A shadow keeps nobody from what is wanted, a
# schedule is its own rest, and a data set that landed is trained with whenever that was.
RESTS_AFTER = {
    "retrain": ("retrain", "schedule"),
    "schedule": ("retrain",),
    "drift": ("retrain", "schedule", "drift"),
    "data": (),
}


class Busy(Retryable):
    """A run of the model goes on; another one waits for its end."""


def retrain(run: Run, ours: Model) -> Hop:
    """What becomes of a wish for a retraining: the run; or nothing, within a rest or past the month's budget.

    Raises `Busy` while a run of the model goes on, but for a data set.
    """
    with lease.held(run.pipeline):
        runs = azure_devops().runs(run.pipeline)
        if not any(one.covers(run) for one in runs) and (instead := _instead(run, runs, ours)):
            return instead
        hop = carry.once(run, runs)
    if ours.approve:
        automatic.expect(hop.details["run_id"], run.reason)
    return hop


def retrain_or_tell(run: Run, ours: Model) -> Hop:
    """The same of what no alarm tells people: where the budget is spent, they are told that."""
    hop = retrain(run, ours)
    if hop.name == "spent":
        budget.tell(run, ours.name, hop.details["reason"])
    return hop


def _instead(run: Run, runs: Sequence[Queued], ours: Model) -> Hop | None:
    if run.reason != "data" and (going := next((one for one in runs if not one.over), None)):
        raise Busy(f"run {going.id} trains the model now, one at a time", AGAIN_SECONDS)
    return _rests(run, runs, timedelta(hours=ours.rest_hours)) or budget.spent(run, ours)


def _rests(run: Run, runs: Sequence[Queued], rest: timedelta) -> Hop | None:
    before = [one for one in runs if one.reason in RESTS_AFTER[run.reason]]
    last = max(before, key=lambda one: one.queued, default=None)
    if last is None or datetime.fromisoformat(run.moment) >= datetime.fromisoformat(last.queued) + rest:
        return None
    return Hop("cooling", {"reason": f"run {last.id} retrained the model less than {rest} before"})
