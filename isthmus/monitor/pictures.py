"""The pictures of a monitor's report, as SVG that needs nothing else."""

from __future__ import annotations

from html import escape

from isthmus.monitor.findings import Explained, Quality
from isthmus.monitor.histogram import Histogram

WIDTH = 560
BAR, TALL, WIDEST = 7, 44, 280
# So many characters of the first and the last bin's name stand under the bars.
ENDS = 20


def intervals(quality: Quality) -> str:
    """Both values with their intervals on one axis."""
    sides = (("registered", quality.registered, "was"), ("now", quality.current, "is"))
    bounds = [edge for _, one, _ in sides for edge in (one.ci_low, one.ci_high)]
    low, high = min(bounds), max(bounds)
    scale = (WIDTH - 120) / ((high - low) or 1.0)

    def at(value: float) -> float:
        return 100 + (value - low) * scale

    rows = "".join(
        f'<text x="0" y="{20 + 24 * place}">{name}</text>'
        f'<rect class="{kind}" x="{at(one.ci_low):.1f}" y="{13 + 24 * place}" rx="3" height="6" '
        f'width="{max(1.0, (one.ci_high - one.ci_low) * scale):.1f}"/>'
        f'<circle class="{kind}" cx="{at(one.value):.1f}" cy="{16 + 24 * place}" r="6"/>'
        for place, (name, one, kind) in enumerate(sides)
    )
    axis = (
        f'<line class="axis" x1="100" x2="{WIDTH - 20}" y1="56" y2="56"/>'
        f'<text x="100" y="70">{low:.3f}</text>'
        f'<text x="{WIDTH - 20}" y="70" text-anchor="end">{high:.3f}</text>'
    )
    return f'<svg width="{WIDTH}" height="76" role="img" aria-label="intervals">{rows}{axis}</svg>'


def bars(bins: Histogram) -> str:
    """Both histograms side by side, bin by bin, each with what it holds as a hint, and the ends below."""
    was, is_ = (side / max(1, side.sum()) for side in (bins.before, bins.now))
    tallest = max(was.max(), is_.max(), 1e-9)
    step = 2 * BAR + 4
    shown = "".join(
        f"<g><title>{escape(name)}: {then:.1%}, now {share:.1%}</title>"
        f"{_bar('was', step * place, then / tallest)}{_bar('is', step * place + BAR, share / tallest)}</g>"
        for place, (name, then, share) in enumerate(zip(bins.names, was, is_, strict=True))
    )
    wide = step * len(was)
    ends = "".join(
        f"<span>{escape(name[:ENDS])}</span>" for name in dict.fromkeys((bins.names[0], bins.names[-1]))
    )
    return (
        f'<svg width="{min(wide, WIDEST)}" height="{TALL}" viewBox="0 0 {wide} {TALL}" '
        f'preserveAspectRatio="none" role="img" aria-label="histogram">{shown}</svg>'
        f'<div class="ends small" style="min-width: {min(wide, WIDEST)}px">{ends}</div>'
    )


def _bar(kind: str, x: int, share: float) -> str:
    high = TALL * share
    return f'<rect class="{kind}" x="{x}" y="{TALL - high:.1f}" width="{BAR}" height="{high:.1f}"/>'


def importances(explained: Explained) -> str:
    """Each feature's importance in training and now, the most important in training first."""
    order = sorted(explained.before, key=lambda name: -explained.before[name])[:20]
    greatest = max([*explained.before.values(), *explained.now.values(), 1e-12])
    rows = "".join(
        f'<text x="0" y="{24 * place + 15}">{escape(name[:24])}</text>'
        f"{_line('was', 24 * place + 4, explained.before[name] / greatest)}"
        f"{_line('is', 24 * place + 12, explained.now[name] / greatest)}"
        for place, name in enumerate(order)
    )
    return f'<svg width="{WIDTH}" height="{24 * len(order)}" role="img" aria-label="importance">{rows}</svg>'


def _line(kind: str, y: int, share: float) -> str:
    return f'<rect class="{kind}" x="160" y="{y}" width="{max(1.0, (WIDTH - 160) * share):.1f}" height="7"/>'
