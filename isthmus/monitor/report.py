"""The monitor's report: one self-contained HTML page."""

from __future__ import annotations

from html import escape

from isthmus.monitor.baseline import Baseline, Histogram
from isthmus.monitor.drift import Drift
from isthmus.monitor.quality import Quality

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933 }
body { margin: 2.5rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .45rem .8rem .45rem 0 }
th { font-weight: 600; border-bottom: 2px solid #cbd2d9 } td { border-bottom: 1px solid #e4e7eb }
.bad { color: #ba2525; font-weight: 600 } .good { color: #147d64 }
.small { color: #616e7c; font-size: .85rem }
svg { display: block } .was { fill: #b0bec5 } .is { fill: #3e7bd6; fill-opacity: .75 }
"""


def page(
    title: str,
    baseline: Baseline,
    current: Baseline,
    found: list[Drift],
    quality: Quality | None,
    bad_lines: int,
) -> str:
    """The page's HTML."""
    rows = "".join(_row(one, baseline[one.feature], current[one.feature]) for one in found)
    head = "<tr><th>feature</th><th>PSI</th><th>threshold</th><th></th><th>before and now</th></tr>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{_quality(quality)}"
        f"<h2>Drift of the inputs</h2><table>{head}{rows}</table>"
        f'<p class="small">The threshold is the larger of the configured one and what chance alone '
        f"stays below on this many rows. Unreadable capture lines: {bad_lines}.</p></html>"
    )


def _quality(quality: Quality | None) -> str:
    if quality is None:
        return "<h2>Quality</h2><p>Too few labels have arrived yet.</p>"
    verdict = ("bad", "a loss beyond chance") if quality.loss > 1 else ("good", "within chance")
    then, now = quality.registered, quality.current
    return (
        f'<h2>Quality: <span class="{verdict[0]}">{verdict[1]}</span></h2><p>{escape(quality.metric)} '
        f"{now.value:.3f} [{now.ci_low:.3f}, {now.ci_high:.3f}] on {quality.n} labelled rows; "
        f"registered with {then.value:.3f} [{then.ci_low:.3f}, {then.ci_high:.3f}].</p>"
    )


def _row(one: Drift, before: Histogram, now: Histogram) -> str:
    verdict = '<span class="bad">drift</span>' if one.ratio > 1 else '<span class="good">steady</span>'
    return (
        f"<tr><td>{escape(one.feature)}</td><td>{one.psi:.3f}</td><td>{one.threshold:.3f}</td>"
        f"<td>{verdict}</td><td>{_bars(before, now)}</td></tr>"
    )


def _bars(before: Histogram, now: Histogram) -> str:
    """Both histograms side by side, bin by bin."""
    was = [number / max(1, sum(before.counts)) for number in before.counts]
    is_ = [number / max(1, sum(now.counts)) for number in now.counts]
    tallest = max([*was, *is_, 1e-9])
    bars = "".join(
        f'<rect class="{kind}" x="{12 * place + offset}" y="{36 - 36 * share / tallest:.1f}" width="5" '
        f'height="{36 * share / tallest:.1f}"/>'
        for kind, offset, shares in (("was", 0, was), ("is", 5, is_))
        for place, share in enumerate(shares)
    )
    return f'<svg width="{12 * len(was)}" height="36" role="img" aria-label="histogram">{bars}</svg>'
