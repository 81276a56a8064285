"""How often the monitor tells drift: where there is none, and where there is some of a known size.

python benchmarks/monitor_power.py [--windows 1000] [--json] [--plot docs/monitoring-power.svg]

Each window has ten features of several shapes beside a baseline of a thousand rows, both drawn anew. Without
drift, findings in windows are counted at three levels of confidence, decided by the test alone (thresholds 0)
and with the usual thresholds. With drift, one feature of the ten has moved.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isthmus.monitor.baseline import Baseline, Column, count, describe
from isthmus.monitor.drift import Measured, Rule, decide, measure

BASELINE = 1000
ROWS = (50, 200, 1000, 20_000)
LEVELS = (0.1, 0.05, 0.01)
STATISTICS = {"psi": "-", "kolmogorov_smirnov": "--"}
SIZES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)
Random = np.random.Generator
Draw = Callable[[Random, int], pl.Series]


def category(random: Random, rows: int, first: float = 0.5) -> pl.Series:
    return pl.Series(np.where(random.random(rows) < first, "a", random.choice(["b", "c", "d"], rows)))


SHAPES: list[Draw] = [
    lambda random, rows: pl.Series(random.normal(size=rows)),
    lambda random, rows: pl.Series(random.lognormal(size=rows)),
    lambda random, rows: pl.Series(random.poisson(3, rows)),
    lambda random, rows: pl.Series(np.where(random.random(rows) < 0.5, 0.0, random.exponential(size=rows))),
    category,
]
# What moves, by how much in standard deviations of it.
MOVES: dict[str, Callable[[Random, int, float], pl.Series]] = {
    "mean": lambda random, rows, size: pl.Series(random.normal(size, 1, rows)),
    "spread": lambda random, rows, size: pl.Series(random.normal(0, 1 + size, rows)),
    "category": lambda random, rows, size: category(random, rows, 0.5 + 0.5 * min(size, 1.0) * 0.9),
}
FEATURES: list[Draw] = SHAPES * 2


Window = tuple[Baseline, dict[str, Measured]]


def windows(random: Random, rows: int, number: int) -> Iterator[Window]:
    """A baseline, and how far a window is from it that differs by chance alone."""
    for _ in range(number):
        baseline = {str(place): describe(draw(random, BASELINE)) for place, draw in enumerate(FEATURES)}
        now = zip(baseline.items(), FEATURES, strict=True)
        yield baseline, {name: measure(one, count(draw(random, rows), one)) for (name, one), draw in now}


def rule(statistic: str, level: float, alone: bool) -> Rule:
    thresholds = {statistic: 0.0, "psi": 0.0} if alone else {}
    return Rule(statistic, "psi", thresholds, 1 - level)


def told(window: Window, rule: Rule) -> set[str]:
    """The features that are found to have drifted."""
    baseline, measured = window
    deciding = {name: (rule.statistic(baseline[name]), one) for name, one in measured.items()}
    return {one.feature for one in decide(deciding, rule) if one.ratio > 1}


def false_alarms(random: Random, number: int) -> list[dict[str, Any]]:
    found = []
    for rows in ROWS:
        seen = list(windows(random, rows, number))
        for statistic, level in product(STATISTICS, LEVELS):
            alone, usual = (
                float(np.mean([bool(told(one, rule(statistic, level, just))) for one in seen]))
                for just in (True, False)
            )
            found.append(
                {"rows": rows, "statistic": statistic, "level": level, "rate": alone, "usual": usual}
            )
    return found


def power(random: Random, number: int) -> list[dict[str, Any]]:
    """The share of windows in which the feature that moved is told, at 99 %, all ten considered."""
    found = []
    for rows in ROWS:
        seen = list(windows(random, rows, number))
        for move, size in product(MOVES, SIZES):
            feature = "4" if move == "category" else "0"
            moved = [
                (before, was | {feature: measure(before[feature], _moved(random, rows, move, size, before))})
                for before, was in seen
            ]
            for statistic in STATISTICS:
                hits = float(np.mean([feature in told(one, rule(statistic, 0.01, False)) for one in moved]))
                found.append(
                    {"move": move, "size": size, "rows": rows, "statistic": statistic, "power": hits}
                )
    return found


def _moved(random: Random, rows: int, move: str, size: float, before: Baseline) -> Column:
    return count(MOVES[move](random, rows, size), before["4" if move == "category" else "0"])


def plot(alarms: list[dict[str, Any]], powers: list[dict[str, Any]], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "isthmus"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
    axes[0].plot([0, 0.12], [0, 0.12], color="#999", linewidth=1, label="as configured")
    for statistic, style in STATISTICS.items():
        for rows, colour in zip(ROWS, COLOURS, strict=True):
            points = [
                (one["level"], one["rate"])
                for one in alarms
                if (one["statistic"], one["rows"]) == (statistic, rows)
            ]
            axes[0].plot(*zip(*points, strict=True), style, color=colour, marker="o", markersize=4)
    axes[0].set(title="no drift: windows with a finding", xlabel="1 - confidence", ylim=(0, 0.12))
    axes[0].legend(frameon=False)
    for axis, move in zip(axes[1:], MOVES, strict=True):
        for statistic, style in STATISTICS.items():
            for rows, colour in zip(ROWS, COLOURS, strict=True):
                wanted = (move, statistic, rows)
                points = [
                    (one["size"], one["power"])
                    for one in powers
                    if (one["move"], one["statistic"], one["rows"]) == wanted
                ]
                axis.plot(*zip(*points, strict=True), style, color=colour, label=f"{rows} rows, {statistic}")
        axis.set(title=f"{move} moved: windows that tell", xlabel="by (standard deviations)", ylim=(0, 1.03))
    axes[1].legend(frameon=False, fontsize=7)
    figure.savefig(file, metadata={"Date": None})


COLOURS = ("#b07d2b", "#3e7bd6", "#1f2933", "#2e8b57")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="Print one JSON object as the last line.")
    parser.add_argument("--plot", type=Path, help="Draw the curves into this SVG file.")
    given = parser.parse_args()
    random = np.random.default_rng(0)
    alarms, powers = false_alarms(random, given.windows), power(random, max(50, given.windows // 10))
    if given.plot:
        plot(alarms, powers, given.plot)
    if given.json:
        print(json.dumps({"windows": given.windows, "false_alarms": alarms, "power": powers}))
        return
    for one in alarms:
        of = f"{one['rows']:>5} rows  {one['statistic']:<19} level {one['level']:.2f}"
        print(f"{of}: {one['rate']:.3f}, with thresholds {one['usual']:.3f}")
    for one in powers:
        of = f"{one['rows']:>5} rows  {one['statistic']:<19} {one['move']:<9} {one['size']:.2f}"
        print(f"{of}: {one['power']:.2f}")


if __name__ == "__main__":
    main()
