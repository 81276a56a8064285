"""The Lambda's entry, `bridge.handler.handle`: batches of events from SQS.

Each message succeeds; or returns to the queue, to come again when there is hope; or becomes a dead letter
that says why. An error never looks like success.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from bridge import carry, envelope, messages, web
from bridge.reactions import COME_ANEW, react
from bridge.settings import settings
from bridge.trace import Trace, metrics

# A message that waits for its time is no error of the Lambda, not even where every one of a batch does.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handle(event: dict[str, Any], context: Any) -> Any:
    """Carry each message over; returns the ids of those that come again (`batchItemFailures`).

    Raises where the call is no batch.
    """
    if "Records" not in event:
        raise envelope.Refused("no batch of messages")
    carry.config.register_lambda_context(context)
    try:
        return process_partial_response(
            event=event, record_handler=_carry, processor=processor, context=context
        )
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def _carry(record: SQSRecord) -> None:
    first = record.attributes.approximate_receive_count == "1"
    trace = Trace(record.attributes.sent_timestamp, record.body if first else "")
    event = None
    try:
        event = envelope.read(record.body, settings())
        trace.follow(event.id)
        web.ready()
        if hop := react(event, trace):
            trace.hop(hop.name, **hop.details)
    except envelope.Refused as refusal:
        trace.follow(envelope.identity(record.body))
        trace.hop("refused", reason=str(refusal))
        messages.bury(record, str(refusal), trace.correlation_id)
    except Exception as error:  # noqa: BLE001  whatever it was, the message is not done
        _put_off(record, error, trace, comes_anew=event is not None and event.source in COME_ANEW)


def _put_off(record: SQSRecord, error: Exception, trace: Trace, *, comes_anew: bool) -> None:
    """Raises the error where the message comes again.

    A look that found a cloud away is given up for the next one; what else keeps one a person must see.
    """
    reason = f"{type(error).__name__}: {error}"
    if messages.is_last(record, error, comes_anew=comes_anew):
        if comes_anew and messages.passes(error):
            trace.hop("given up", reason=reason)
            return
        trace.hop("failed", reason=reason)
        messages.bury(record, reason, trace.correlation_id)
        return
    seconds = messages.later(record, error)
    trace.hop("put off", reason=reason, seconds=seconds)
    raise error
