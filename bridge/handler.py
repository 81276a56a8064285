"""The Lambda's entry, `bridge.handler.handle`: batches of events from SQS.

Each message succeeds; or returns to the queue, to come again when there is hope; or becomes a dead letter
that says why. An error never looks like success.
"""

from __future__ import annotations

from typing import Any

from bridge import envelope, messages, web
from bridge.messages import Message
from bridge.reactions import COME_ANEW, react
from bridge.settings import settings
from bridge.trace import Trace, metrics


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Carry each message over; returns the ids of those that come again (`batchItemFailures`).

    Raises where the call is no batch.
    """
    if "Records" not in event:
        raise envelope.Refused("no batch of messages")
    try:
        again = [one.id for one in map(messages.received, event["Records"]) if not _carried(one)]
        return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in again]}
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def _carried(message: Message) -> bool:
    """Carry it over; False where it comes again, which is no error of the Lambda."""
    trace = Trace(message.sent, message.body if message.attempt == 1 else "")
    try:
        return _carry(message, trace)
    except Exception as error:  # noqa: BLE001  whatever it was, the message is not done
        trace.hop("queue away", reason=_said(error))
        return False


def _carry(message: Message, trace: Trace) -> bool:
    """Raises where a queue did not hear what becomes of the message, which then shows it again by itself."""
    event = None
    try:
        event = envelope.read(message.body, settings())
        trace.follow(event.id)
        web.ready()
        if hop := react(event, trace):
            trace.hop(hop.name, **hop.details)
        return True
    except envelope.Refused as refusal:
        trace.follow(envelope.identity(message.body))
        trace.hop("refused", reason=str(refusal))
        messages.bury(message, str(refusal), trace.correlation_id)
        return True
    except Exception as error:  # noqa: BLE001  whatever it was, the message is not done
        comes_anew = event is not None and event.source in COME_ANEW
        return _put_off_or_bury(message, error, trace, comes_anew=comes_anew)


def _put_off_or_bury(message: Message, error: Exception, trace: Trace, *, comes_anew: bool) -> bool:
    """False where SQS shows the message again.

    A look that found a cloud away is given up for the next one; what else keeps one a person must see.
    """
    reason, is_last = _said(error), messages.is_last(message, error, comes_anew=comes_anew)
    if not is_last or isinstance(error, messages.Promised):
        seconds = messages.delay(message, error)
        trace.hop("put off", reason=reason, seconds=seconds)
        (messages.send_anew if is_last else messages.show_after)(message, seconds)
        return is_last
    if comes_anew and messages.passes(error):
        trace.hop("given up", reason=reason)
        return True
    trace.hop("failed", reason=reason)
    messages.bury(message, reason, trace.correlation_id)
    return True


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
