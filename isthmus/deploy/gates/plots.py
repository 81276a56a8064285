"""The pictures beside findings: functions that draw into a file, called where results are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Plot = Callable[[Path], None]
INK, MUTED, BAD = "#3e7bd6", "#b0bec5", "#ba2525"
GROUPS, IN_A_GROUP = 10, 20


@dataclass(frozen=True)
class Bar:
    """One line of a plot of intervals; `passed` says in which colour."""

    name: str
    value: float
    low: float
    high: float
    passed: bool = True


def histogram(values: Sequence[float], marks: Mapping[str, float], label: str) -> Plot:
    """How values are distributed, with lines at the marks that are near them."""

    def draw(axes: Axes) -> None:
        axes.hist(values, bins=30, color=INK, alpha=0.8)
        widest = max(values) * 1.5
        for (name, at), style in zip(marks.items(), ("-", "--", ":"), strict=False):
            if at <= widest:
                axes.axvline(at, color="black", linestyle=style, label=f"{name}: {at:.0f}")
        axes.set(xlabel=label, ylabel="requests")
        axes.legend()

    return _plot(draw)


def intervals(bars: Sequence[Bar], label: str, bound: Mapping[str, float]) -> Plot:
    """Values with their intervals, one below the other, and lines that they are judged by."""

    def draw(axes: Axes) -> None:
        for place, bar in enumerate(reversed(bars)):
            colour = INK if bar.passed else BAD
            axes.plot([bar.low, bar.high], [place, place], color=colour, linewidth=3, solid_capstyle="round")
            axes.plot([bar.value], [place], "o", color=colour, markersize=8)
        for name, at in bound.items():
            axes.axvline(at, color="black", linestyle="--", linewidth=1, label=f"{name}: {at:.3g}")
        axes.set_yticks(range(len(bars)), [bar.name for bar in reversed(bars)])
        axes.set(xlabel=label, ylim=(-0.6, len(bars) - 0.4))
        if bound:
            axes.legend()

    return _plot(draw, height=1.4 + 0.4 * len(bars))


def reliability(truth: Sequence[int], predicted: Sequence[float], label: str) -> Plot:
    """What came true of what was predicted, with what chance leaves open: ten groups, fewer of few rows."""

    def draw(axes: Axes) -> None:
        import numpy as np
        from scipy.stats import binomtest

        order = np.argsort(predicted)
        groups = np.array_split(order, min(GROUPS, max(1, len(order) // IN_A_GROUP)))
        said = [float(np.mean(np.asarray(predicted)[group])) for group in groups]
        tests = [binomtest(int(np.sum(np.asarray(truth)[group])), len(group)) for group in groups]
        came = [float(test.statistic) for test in tests]
        chance = [test.proportion_ci(0.95, method="wilson") for test in tests]
        bars = [
            [value - one.low for value, one in zip(came, chance, strict=True)],
            [one.high - value for value, one in zip(came, chance, strict=True)],
        ]
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", label="as it should be")
        axes.errorbar(said, came, bars, fmt="o", color=INK, capsize=3, label=f"{label}, 95% intervals")
        axes.set(xlabel="predicted probability", ylabel="share that came true", xlim=(0, 1), ylim=(0, 1))
        axes.legend()

    return _plot(draw, height=4.5)


def scatter(truth: Sequence[float], predicted: Sequence[float]) -> Plot:
    """Predicted against true values."""

    def draw(axes: Axes) -> None:
        edges = [min(*truth, *predicted), max(*truth, *predicted)]
        axes.plot(edges, edges, color=MUTED, linestyle="--")
        axes.plot(truth, predicted, ".", color=INK, alpha=0.5)
        axes.set(xlabel="true value", ylabel="predicted value")

    return _plot(draw, height=4.5)


def _plot(draw: Callable[[Any], None], height: float = 3.2) -> Plot:
    def write(file: Path) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, height), dpi=110, layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        figure.savefig(file, metadata={"Software": None})

    return write
