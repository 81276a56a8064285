"""The Lambda's entry: `bridge.handler.handle` takes SQS batches of EventBridge events.

Each message succeeds, or fails by an exception: it then returns to the queue, and after its last attempt goes
to the dead-letter queue. An error never looks like success.
"""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from bridge import carry, decisions, events
from bridge.settings import settings
from bridge.trace import Trace

processor = BatchProcessor(event_type=EventType.SQS)


def handle(event: dict[str, Any], context: Any) -> Any:
    """Carry each message over; returns the ids of those that failed (`batchItemFailures`)."""
    carry.config.register_lambda_context(context)
    if "Records" not in event:
        from bridge.reconcile import reconcile

        return reconcile()
    # One failed message fails alone, also where all fail: SQS then retries exactly those.
    return process_partial_response(event=event, record_handler=_carry, processor=processor, context=context)


def _carry(record: SQSRecord) -> None:
    trace = Trace(sent=record.attributes.sent_timestamp)
    try:
        event = events.parse(_json(record.body), settings())
        trace.of(event)
        trace.hop("received")
        decision = decisions.decide(event, settings())
        carry.out(decision, trace)
    except events.Refused as refusal:
        trace.hop("refused", reason=str(refusal))
        raise
    except Exception as error:
        trace.hop("failed", reason=f"{type(error).__name__}: {error}")
        raise


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise events.Refused("the message is not JSON") from None
