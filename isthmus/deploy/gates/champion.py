"""The version against the one in prod, on the same held-out rows: a paired test, and not a bare difference.

What the version in prod predicts for rows that neither was trained on, the build wrote beside them
(`CHAMPION`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.container.versions import CHAMPION
from isthmus.counting import counted
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.held_out import Judged, judged
from isthmus.deploy.gates.plots import Bar, intervals

NAME = "no worse than the version in prod"
FEWEST_ROWS = 20


def against_champion(endpoint: LiveEndpoint, found: Judged) -> list[Finding]:
    """Findings on the gain in the metric (bootstrap) and on the mistakes (McNemar), or why there are none."""
    champion = (endpoint.evaluation.get("champion") or {}).get("model_package_arn", "")
    if not champion:
        return [Finding.unknown(NAME, "none was in prod when this version was built")]
    version = f"version {champion.rsplit('/', 1)[-1]}"
    if not endpoint.is_in_prod(champion):
        return [Finding.unknown(NAME, f"{version}, which it was built against, has left prod")]
    rows = endpoint.holdout
    known = (rows[CHAMPION] != "").to_numpy() if CHAMPION in rows else np.zeros(len(rows), dtype=bool)
    if known.sum() < FEWEST_ROWS:
        why = f"{version} is known on {known.sum()} rows, fewer than {FEWEST_ROWS}"
        return [Finding.unknown(NAME, why)]
    labels = rows[endpoint.evaluation["target"]][known].astype(str).tolist()
    before = judged(labels, rows[CHAMPION][known].tolist(), endpoint.evaluation)
    now = Judged(found.truth[known], found.predicted[known], found.evaluation)
    return [by_metric(now, before, version), *by_mistakes(now, before, version)]


def by_metric(now: Judged, before: Judged, version: str) -> Finding:
    """Worse in the metric, by the whole interval of a paired bootstrap, is a failure."""
    gained = now.gain_over(before.predicted)
    said, rows = f"{gained:+{gained.form}}", counted(len(now.truth), "row")
    message = f"gain in {now.metric} {said} over {version} on {rows} (paired bootstrap)"
    bar = Bar("gain", gained.value, gained.ci_low, gained.ci_high, gained.ci_high >= 0)
    plot = intervals([bar], f"gain in {now.metric} over {version}", {"none": 0.0})
    return Finding(NAME, gained.ci_high >= 0, message, plot)


def by_mistakes(now: Judged, before: Judged, version: str) -> list[Finding]:
    """More mistakes, by McNemar's exact test on the rows that only one of them has right, is a failure."""
    if now.problem == "regression":
        return []
    right, was_right = now.right(), before.right()
    lost, won = int((was_right & ~right).sum()), int((right & ~was_right).sum())
    chance = mcnemar(lost, won)
    worse = lost > won and chance < 1 - now.evaluation["confidence"]
    message = f"{version} alone is right on {lost} rows, this one alone on {won}: McNemar p = {chance:.3g}"
    return [Finding("no more mistakes than the version in prod", not worse, message)]


def mcnemar(lost: int, won: int) -> float:
    """The exact two-sided p-value that as many or more of `lost + won` fall on one side by chance."""
    if not lost + won:
        return 1.0
    from scipy.stats import binomtest

    test: Any = binomtest(lost, lost + won, 0.5)
    return float(test.pvalue)
