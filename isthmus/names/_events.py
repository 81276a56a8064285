"""Events of the platform's own, what reacts to them, and the topics that tell people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


def event_bus(platform: Platform) -> str:
    """The automation account's bus that serving accounts send alarms to."""
    return f"{platform.name}-automation"


def bridge(platform: Platform) -> str:
    """The bridge's Lambda function, queue and memory table; its dead-letter queue adds `-dlq`."""
    return f"{platform.name}-bridge"


def waiting(platform: Platform) -> str:
    """Automation: the table of the jobs in Azure DevOps that wait for an execution."""
    return f"{platform.name}-waiting"


def callback(platform: Platform) -> str:
    """Automation: the API that such jobs call, its function, and the function's role."""
    return f"{platform.name}-callback"


CALLBACK_SOURCE, JOB_WAITING = "isthmus.callback", "Job Waiting"
"""The source and the type of the event on the automation bus that such a job waits."""


def landing(platform: Platform) -> str:
    """Automation: what checks landed files: function, topic, queue, table; dead letters add `-dlq`."""
    return f"{platform.name}-landing"


LANDING_SOURCE = "isthmus.landing"
"""The source of landing's events on the automation bus."""

DATA_SET_COMPLETE, DATA_FILE_REJECTED = "Data Set Complete", "Data File Rejected"
"""The types of these events."""

SCHEDULE_SOURCE, RETRAINING_DUE = "isthmus.schedule", "Retraining Due"
"""The source and the type of the event on the automation bus that a model is to be trained anew."""


def retraining_schedule(platform: Platform, model: str) -> str:
    """Automation: when a model is trained anew, come what may."""
    return f"{platform.name}-{model}-retraining"


def arrival_rule(platform: Platform, model: str) -> str:
    """Serving: the rule that starts that pipeline when a file arrives."""
    return f"{platform.name}-{model}-arrival"


def topic(platform: Platform) -> str:
    """Automation and serving: what tells people that something waits for them or failed."""
    return f"{platform.name}-notifications"


def chats(platform: Platform) -> str:
    """Automation and serving: the topic that tells chats alone of events, in the form that they show."""
    return f"{platform.name}-chats"


def escalations(platform: Platform) -> str:
    """Automation: the topic that tells others what nobody has decided for too long."""
    return f"{platform.name}-escalations"


def success_topic(platform: Platform, model: str) -> str:
    """Serving: what tells that an asynchronous request has its answer."""
    return f"{platform.name}-{model}-success"


def failure_topic(platform: Platform, model: str) -> str:
    """Serving: what tells that an asynchronous request has failed."""
    return f"{platform.name}-{model}-failure"
