"""An alarm about a model in prod: it trains the model anew, or is shown to people, as platform.yaml says.

Contract: "CloudWatch Alarm State Change" of "Alarm events and EventBridge".
"""

from __future__ import annotations

from typing import Any

from bridge import builds, models
from bridge.envelope import Envelope, Refused, moment, word
from bridge.run import build
from bridge.trace import Hop, Trace, ignored

# What an alarm watches, the last word of its name; and the reason of a build because of it.
REASONS = {"quality": "retrain", "drift": "drift"}


def react(event: Envelope, trace: Trace) -> Hop:
    event.of_account(event.told.prod_account)
    model, kind, arn = _about(event)
    state, previous = _states(event)
    value, before = _value(state), _value(previous) if "value" in previous else ""
    at = moment(state.get("timestamp"))
    trace.received(f"{kind} alarm", model, alarm_arn=arn)
    if value != "alarm" or before == "alarm":
        return ignored(f"the alarm went from {before or 'nothing'} to {value}")
    if not (ours := models.find(model)):
        return ignored(models.NOT_OURS)
    if kind not in ours.when:
        return Hop("noticed", {"reason": f"shown to people: {model} is not retrained because of {kind}"})
    return builds.retrain(build(model, f"{arn}#{at}", event.id, reason=REASONS[kind]), ours)


def _about(event: Envelope) -> tuple[str, str, str]:
    """The model, what about it, and the alarm's ARN."""
    name = event.text("alarmName", 255)
    prefix = f"{event.told.platform}-"
    model, _, kind = name.removeprefix(prefix).rpartition("-")
    # An alarm watches ten of Model Monitor's metrics; the further ones of a model have a number behind it.
    model = model.partition(".")[0]
    if not name.startswith(prefix) or not models.NAME.fullmatch(model) or kind not in REASONS:
        raise Refused("an alarm that is not about a model of the platform")
    arn = f"arn:aws:cloudwatch:{event.told.region}:{event.account}:alarm:{name}"
    event.about(arn)
    return model, kind, arn


def _states(event: Envelope) -> tuple[dict[str, Any], dict[str, Any]]:
    state, previous = event.detail.get("state"), event.detail.get("previousState", {})
    if not isinstance(state, dict) or not isinstance(previous, dict):
        raise Refused("an alarm event without its states")
    return state, previous


def _value(state: dict[str, Any]) -> str:
    value = state.get("value")
    if not isinstance(value, str) or not 0 < len(value) <= 40 or not value.isprintable():
        raise Refused("an alarm's state without a value")
    return word(value)
