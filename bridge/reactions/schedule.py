"""The schedule that platform.yaml has for a model says that it is to be trained anew."""

from __future__ import annotations

from bridge import builds, models
from bridge.envelope import Envelope
from bridge.run import build
from bridge.trace import Hop, Trace, ignored


def react(event: Envelope, trace: Trace) -> Hop:
    event.of_account(event.told.automation_account)
    model, due = event.text("model", 63), event.moment("due")
    trace.received("schedule", model)
    if not (ours := models.find(model)):
        return ignored(models.NOT_OURS)
    if not ours.schedule:
        return ignored("the model has no schedule any more")
    return builds.retrain_or_tell(build(model, f"{model}/schedule#{due}", event.id, reason="schedule"), ours)
