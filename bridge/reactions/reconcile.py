"""Now and then all is looked after that an event which never came has left, and people are told what waits.

A tick only asks for lists, a list only for looks: no call is long, and each look has attempts of its own.
Contract: "Scheduled Event" of "Amazon EventBridge rule that runs on a schedule".
"""

from __future__ import annotations

from bridge import differences, looks, memory, models, pending, waiting
from bridge.envelope import Envelope, Refused
from bridge.looks import Look
from bridge.tend import look_after
from bridge.trace import Trace

# Approvals do not wait behind the looks of hundreds of models: each ten of these come so much later.
SPREAD_SECONDS = 5
LONGEST_WAIT_SECONDS = 600
# For longer than a listing is tried.
REMEMBER_SECONDS = 24 * 3600


def tick(event: Envelope, _trace: Trace) -> None:
    """Ask for all that there is to look after."""
    event.of_account(event.told.automation_account)
    looks.send([Look(looks.JOBS), Look(looks.MODELS), Look(looks.STAGES)])


def list_models(event: Envelope, _trace: Trace) -> None:
    """Ask for a look after each model; an attempt goes on where the one before it came to."""
    event.of_account(event.told.automation_account)
    name = f"listing#{event.id}"
    number, token = _place(memory.recall(name))
    while True:
        found, token = models.page(token)
        wait = min(number * SPREAD_SECONDS, LONGEST_WAIT_SECONDS)
        looks.send([Look(looks.MODEL, model) for model in found], wait=wait)
        if not token:
            return
        number += 1
        memory.keep(name, f"{number} {token}", REMEMBER_SECONDS)


def _place(kept: str) -> tuple[int, str]:
    """The number of the page that is next, and the token that it is asked for with."""
    number, _, token = kept.partition(" ")
    return int(number or 0), token


def list_jobs(event: Envelope, _trace: Trace) -> None:
    """Ask for a look after each job that waits."""
    event.of_account(event.told.automation_account)
    for page in waiting.pages(looks.BATCH):
        looks.send([Look(looks.JOB, job.execution) for job in page])


def stages(event: Envelope, trace: Trace) -> None:
    """Tell people of the runs that wait for them."""
    event.of_account(event.told.automation_account)
    pending.stages(trace)


def model(event: Envelope, trace: Trace) -> None:
    """Mend what differs about the model or tell people of it, and of its versions that wait for them."""
    event.of_account(event.told.automation_account)
    name = event.text("about", 63)
    if not models.NAME.fullmatch(name):
        raise Refused("a look after what is no model")
    trace.about("reconciliation", name)
    try:
        differences.look_after(name, trace)
    finally:
        # What keeps runs from being queued keeps no version from being told.
        pending.versions(name, trace)


def job(event: Envelope, trace: Trace) -> None:
    """Show, complete or forget the job, whatever it is that it needs."""
    event.of_account(event.told.automation_account)
    arn = event.text("about", 2048)
    trace.about("reconciliation", "", execution_arn=arn)
    if found := waiting.find(arn):
        look_after(found, trace)
