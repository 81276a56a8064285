"""A data set that landed is complete: it is trained with, now or at the next build, as platform.yaml says.

What lands again unchanged is no event.
"""

from __future__ import annotations

import re

from bridge import builds, models
from bridge.envelope import Envelope, Refused
from bridge.run import build
from bridge.trace import Hop, Trace, ignored


def react(event: Envelope, trace: Trace) -> Hop:
    event.of_account(event.told.automation_account)
    model, name, version = event.text("model", 63), event.text("dataSet", 100), event.text("version", 16)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=-]*", name) or not re.fullmatch(r"[0-9a-f]{16}", version):
        raise Refused("a data set whose name or version is none")
    if not models.NAME.fullmatch(model):
        raise Refused("a data set of what is no model")
    data_set, landed = f"{name}@{version}", event.moment("landed")
    trace.received("data set", model, data_set=data_set)
    if not (ours := models.find(model)):
        return ignored(models.NOT_OURS)
    if "data" not in ours.when:
        return Hop("noticed", {"reason": "the next build trains with it"})
    run = build(model, f"{model}/{data_set}#{landed}", event.id, reason="data", dataSet=data_set)
    return builds.retrain_or_tell(run, ours)
