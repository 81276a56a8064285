"""Robustness to nulls: rows that lack a value are predicted, or refused with a word; they never break the
model.

A feature that lacks values in the held-out rows lacked them in training too: rows without it must be
predicted.
"""

from __future__ import annotations

import numpy as np

from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint
from isthmus.deploy.gates.plots import Bar, intervals

ROWS = 20


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows = endpoint.holdout.head(ROWS)
    whole = endpoint.invoke(endpoint.csv(rows))
    answers = {name: endpoint.invoke(endpoint.csv(rows.assign(**{name: ""}))) for name in endpoint.features}
    empty = endpoint.invoke(endpoint.csv(rows.assign(**dict.fromkeys(endpoint.features, ""))))
    return [
        each(endpoint, whole, answers, len(rows)),
        _finding("answers rows of which nothing is known", {"all": empty}, [], len(rows)),
    ]


def each(endpoint: LiveEndpoint, whole: Answer, answers: dict[str, Answer], rows: int) -> Finding:
    """What comes of each feature's absence, and how far it moves the predictions."""
    known = endpoint.holdout[endpoint.features]
    lacking = [name for name in endpoint.features if (known[name] == "").any()]
    found = _finding("answers rows that lack a value", answers, lacking, rows)
    moved = _moved(endpoint, whole, answers, rows)
    if not moved:
        return found
    most = max(moved, key=lambda name: moved[name])
    message = f"{found.message}; the predictions move most without {most}: by {moved[most]:.3g} on average"
    ordered = sorted(moved, key=lambda name: -moved[name])[:15]
    bars = [Bar(name, moved[name], 0.0, moved[name]) for name in ordered]
    plot = intervals(bars, "how far predictions move where the value is missing, on average", {})
    return Finding(found.name, found.passed, message, plot)


def _finding(name: str, answers: dict[str, Answer], needed: list[str], rows: int) -> Finding:
    wrong = [
        f"{feature}: {answer.status} {answer.text.strip()[:160]}"
        for feature, answer in answers.items()
        if not _is_answered(answer, rows) and (feature in needed or not _is_refused(answer))
    ]
    refused = sum(_is_refused(answer) for answer in answers.values())
    message = (
        "; ".join(wrong) or f"{len(answers) - refused} of {len(answers)} are predicted, {refused} refused"
    )
    return Finding(name, not wrong, message)


def _is_answered(answer: Answer, rows: int) -> bool:
    return len(answer.predictions) == rows


def _is_refused(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and bool(answer.text.strip())


def _moved(endpoint: LiveEndpoint, whole: Answer, answers: dict[str, Answer], rows: int) -> dict[str, float]:
    """Mean absolute change of the prediction, or the share of other classes, without each feature."""
    if not _is_answered(whole, rows):
        return {}
    before, classes = np.asarray(whole.predictions), len(endpoint.evaluation["classes"])
    given = {name: np.asarray(one.predictions) for name, one in answers.items() if _is_answered(one, rows)}
    if classes in (0, 2):
        return {
            name: float(np.mean(np.abs(now.astype(float) - before.astype(float))))
            for name, now in given.items()
        }
    return {name: float(np.mean(now != before)) for name, now in given.items()}
