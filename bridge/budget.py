"""How many retrainings a month has room for; counted from the runs and executions that there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bridge import execution, notices
from bridge.azure import azure_devops
from bridge.models import Model
from bridge.notices import Waiting
from bridge.run import RETRAINED, Queued, Run
from bridge.trace import Hop

# More than a budget may be, with the merges of a busy month beside them.
MOST_RUNS = 5000
MORE = "a higher retraining.most_per_month or most_hours_per_month in platform.yaml"


def spent(run: Run, ours: Model) -> Hop | None:
    """Where the month has no room for the run: that; else None."""
    if ours.most_per_month is None and ours.most_hours_per_month is None:
        return None
    now = datetime.now(UTC)
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    runs = azure_devops().runs(run.pipeline, since=month, most=MOST_RUNS)
    why = _over(ours, [one for one in runs if one.reason in RETRAINED], month)
    return Hop("spent", {"reason": why}) if why else None


def tell(run: Run, model: str, why: str) -> None:
    """Tell people once a month that there is no room in it for more."""
    now = datetime.now(UTC)
    notices.tell(
        Waiting(
            subject=f"budget {model} {now:%Y-%m}",
            what=f"{model} is retrained no more in {now:%Y-%m}",
            since=now,
            lines=lambda: [
                f"{why}.",
                f"It would have been because of {RETRAINED[run.reason]}.",
                f"Do: isthmus azure run {run.pipeline}",
                f"Or: {MORE}",
            ],
        )
    )


def _over(ours: Model, runs: Sequence[Queued], month: datetime) -> str:
    """Why no more fits into the month; empty where one does."""
    if ours.most_per_month is not None and len(runs) >= ours.most_per_month:
        return f"its {ours.most_per_month} retrainings of the month have been"
    if ours.most_hours_per_month is None or not runs:
        return ""
    hours = execution.hours(ours.name, {execution.name_of(one.id) for one in runs}, month)
    if hours < ours.most_hours_per_month:
        return ""
    return f"its retrainings of the month have run {hours:.1f} hours, of {ours.most_hours_per_month:g}"
