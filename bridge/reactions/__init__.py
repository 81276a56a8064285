"""What the bridge does about each kind of event: a file for each, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from bridge import looks
from bridge.envelope import Envelope, Refused
from bridge.reactions import alarm, data_set, execution, model_package, reconcile, schedule
from bridge.trace import Hop, Trace

Reaction = Callable[[Envelope, Trace], Hop | None]

REACTIONS: dict[tuple[str, str], Reaction] = {
    ("aws.sagemaker", "SageMaker Model Package State Change"): model_package.react,
    ("aws.cloudwatch", "CloudWatch Alarm State Change"): alarm.react,
    ("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change"): execution.react,
    ("aws.sagemaker", "SageMaker Model Building Pipeline Execution Step Status Change"): execution.react,
    ("isthmus.callback", "Job Waiting"): execution.react,
    ("isthmus.landing", "Data Set Complete"): data_set.react,
    ("aws.events", "Scheduled Event"): reconcile.tick,
    (looks.SOURCE, looks.MODELS): reconcile.list_models,
    (looks.SOURCE, looks.JOBS): reconcile.list_jobs,
    (looks.SOURCE, looks.STAGES): reconcile.stages,
    (looks.SOURCE, looks.MODEL): reconcile.model,
    (looks.SOURCE, looks.JOB): reconcile.job,
    ("isthmus.schedule", "Retraining Due"): schedule.react,
}
# The sources of what is asked for anew with each tick.
COME_ANEW = ("aws.events", looks.SOURCE)


def react(event: Envelope, trace: Trace) -> Hop | None:
    """What becomes of the event, None for nothing worth a line; raises `Refused` for what is none of ours."""
    reaction = REACTIONS.get((event.source, event.kind))
    if reaction is None:
        raise Refused("an event of another kind")
    return reaction(event, trace)
