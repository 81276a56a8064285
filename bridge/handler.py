"""The Lambda's entry, `bridge.handler.handle`: batches of events from SQS, and the reconciler's call.

Each message succeeds, or fails by an exception: it then returns to the queue, and after its last attempt goes
to the dead-letter queue. An error never looks like success.
"""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from bridge import carry, decisions, events, models, reconcile
from bridge.settings import settings
from bridge.tend import tend
from bridge.trace import Trace

processor = BatchProcessor(event_type=EventType.SQS)


def handle(event: dict[str, Any], context: Any) -> Any:
    """Carry each message over; returns the ids of those that failed (`batchItemFailures`).

    Raises where all of them failed, so that Lambda counts an error, and where the call is neither of the two.
    """
    carry.config.register_lambda_context(context)
    if event == {"reconcile": True}:
        return reconcile.reconcile()
    if "Records" not in event:
        raise events.Refused("neither a batch of messages nor the reconciler's call")
    return process_partial_response(event=event, record_handler=_carry, processor=processor, context=context)


def _carry(record: SQSRecord) -> None:
    trace = Trace(record.attributes.sent_timestamp)
    try:
        envelope = _json(record.body)
        trace.follow(_identity(envelope))
        event = events.parse(envelope, settings())
        trace.of(event)
        if isinstance(event, events.ExecutionState):
            tend(event.arn, trace, ended=event.ended)
            return
        trace.hop("received")
        carry.out(_of_ours(decisions.decide(event), event.model), trace)
    except events.Refused as refusal:
        trace.hop("refused", reason=str(refusal))
        raise
    except Exception as error:
        trace.hop("failed", reason=f"{type(error).__name__}: {error}")
        raise


def _of_ours(decision: decisions.Decision, model: str) -> decisions.Decision:
    """The decision, if the model is the platform's: others may keep theirs in the same account."""
    if isinstance(decision, decisions.Run) and not models.is_ours(model):
        return decisions.Nothing("no model of the platform")
    return decision


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise events.Refused("the message is not JSON, or not plain enough") from None


def _identity(envelope: Any) -> str:
    """What a refused message calls itself, to find it by."""
    found = envelope.get("id") if isinstance(envelope, dict) else None
    return found[:100] if isinstance(found, str) else ""
