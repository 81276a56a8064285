"""An alarm about a model in prod: it trains the model anew where platform.yaml says so, and people are told.

They are told what was found and what becomes of it, each time once. One of a version that is compared with
what serves takes that version away. What else monitors find, alarms tell
people themselves (`isthmus/deploy/alarms.py`): nothing is trained because of it.

Contract: "CloudWatch Alarm State Change" of "Alarm events and EventBridge".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge import budget, builds, models, notices, rollbacks
from bridge.envelope import Envelope, Refused, moment, word
from bridge.messages import Promised
from bridge.models import Model
from bridge.notices import Waiting
from bridge.run import build
from bridge.trace import Hop, Trace, ignored

# What an alarm watches, the last word of its name; and the reason of a build because of it.
REASONS = {"quality": "retrain", "drift": "drift"}
FOUND = {
    "quality": "its quality is lost",
    "drift": "its inputs have drifted",
    "errors-challenger": "the version that is compared fails",
    "latency-challenger": "the version that is compared is slow",
}
COMPARED = frozenset(FOUND) - frozenset(REASONS)
# An alarm watches ten of Model Monitor's metrics; the further ones of a model have a number behind it.
ABOUT = re.compile(rf"(?P<model>{models.NAME.pattern})(?:\.\d+)?-(?P<kind>{'|'.join(FOUND)})")
TRAINS = {
    "quality": "It is trained anew",
    "drift": "A shadow is trained, which is compared and waits for nobody",
}
# What else there is to do where nothing is trained, by the hop that says so.
OR = {
    "noticed": "retraining.when in platform.yaml with {kind}",
    "cooling": "a shorter retraining.rest_hours in platform.yaml",
    "spent": budget.MORE,
}


@dataclass(frozen=True)
class Alarm:
    """Which alarm went off about which model, and when; `why` is CloudWatch's reason."""

    model: str
    kind: str
    arn: str
    at: str
    why: str


def react(event: Envelope, trace: Trace) -> Hop:
    event.of_account(event.told.prod_account)
    model, kind, arn = _about(event)
    state, previous = _states(event)
    value, before = _value(state), _value(previous) if "value" in previous else ""
    why = notices.said(state.get("reason", ""), 500)
    alarm = Alarm(model, kind, arn, moment(state.get("timestamp")), why)
    trace.received(f"{kind} alarm", model, alarm_arn=arn)
    if value != "alarm" or before == "alarm":
        return ignored(f"the alarm went from {before or 'nothing'} to {value}")
    if not (ours := models.find(model)):
        return ignored(models.NOT_OURS)
    if kind in COMPARED:
        return _taken_away(alarm, event.id, trace)
    try:
        hop = _retrained(alarm, ours, event.id)
    except builds.Busy as going:
        _tell(alarm, [f"It is trained anew later: {going}."], which="#waits")
        raise Promised(str(going), going.after) from going
    _tell(alarm, _reaction(alarm, hop))
    return hop


def _taken_away(alarm: Alarm, correlation_id: str, trace: Trace) -> Hop:
    """Raises where traffic could not fall back, so that it is tried again; the run is queued all the same."""
    model, name = alarm.model, alarm.arn.rpartition(":")[2]
    package = rollbacks.compared(model, alarm.at)
    if package is None:
        return ignored("nothing is compared in prod that was by then")
    if stuck := rollbacks.fall_back(model, package):
        said = f"It still answers, and is tried again: {notices.said(stuck)}."
        _tell(alarm, [said, "Do: isthmus status"], which="#still answers")
    hop = rollbacks.failing(model, package, name, alarm.at, correlation_id)
    if run := hop.details.get("run_id"):
        answers = "It still answers." if stuck else "It answers nobody any more."
        said = f"{answers} Run {run} of {model}-deploy takes it away, once you let it pass."
        lines = [said, f"Do: isthmus azure approve {run}", *notices.see_run(run)]
        _tell(alarm, lines, which="#run" if stuck else "")
    elif hop.name == "noticed":
        _tell(alarm, [f"It is not taken away: {hop.details['reason']}.", f"Do: isthmus models {model}"])
    if stuck:
        trace.hop(hop.name, **hop.details)
        raise stuck
    return hop


def _retrained(alarm: Alarm, ours: Model, correlation_id: str) -> Hop:
    if alarm.kind not in ours.when:
        return Hop("noticed", {"reason": f"{alarm.model} is not retrained because of {alarm.kind}"})
    key = f"{alarm.arn}#{alarm.at}"
    return builds.retrain(build(alarm.model, key, correlation_id, reason=REASONS[alarm.kind]), ours)


def _tell(alarm: Alarm, reaction: list[str], which: str = "") -> None:
    notices.tell(
        Waiting(
            subject=f"{alarm.arn}#{alarm.at}{which}",
            what=f"{alarm.model} in prod: {FOUND[alarm.kind]}",
            since=datetime.now(UTC),
            lines=lambda: [
                *([alarm.why] if alarm.why else []),
                *reaction,
                f"What was found: isthmus {_shows(alarm)}",
                *notices.see_alarm(alarm.arn),
            ],
        )
    )


def _shows(alarm: Alarm) -> str:
    compared = alarm.kind in COMPARED
    return f"compare {alarm.model}" if compared else f"monitor report {alarm.model} --stage prod"


def _reaction(alarm: Alarm, hop: Hop) -> list[str]:
    """What becomes of it; where nothing does, what to do."""
    pipeline = f"{alarm.model}-build"
    if hop.name not in OR:
        run = hop.details["run_id"]
        return [f"{TRAINS[alarm.kind]}: run {run} of {pipeline}.", *notices.see_run(run)]
    return [
        f"It is not trained anew: {hop.details['reason']}.",
        f"Do: isthmus azure run {pipeline}",
        f"Or: {OR[hop.name].format(kind=alarm.kind)}",
    ]


def _about(event: Envelope) -> tuple[str, str, str]:
    """The model, what about it, and the alarm's ARN."""
    name = event.text("alarmName", 255)
    prefix = f"{event.told.platform}-"
    found = ABOUT.fullmatch(name.removeprefix(prefix))
    if not name.startswith(prefix) or found is None:
        raise Refused("an alarm that is not about a model of the platform")
    arn = f"arn:aws:cloudwatch:{event.told.region}:{event.account}:alarm:{name}"
    event.about(arn)
    return found["model"], found["kind"], arn


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
