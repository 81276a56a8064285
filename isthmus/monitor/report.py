"""The monitor's report: one self-contained HTML page, to be read in a minute."""

from __future__ import annotations

from html import escape

from isthmus.monitor.baseline import Baseline, Histogram
from isthmus.monitor.findings import Drift, Findings, Quality, quality_line

STYLE = """
:root { --ink: #1f2933; --paper: #fff; --soft: #616e7c; --line: #e4e7eb; --was: #b0bec5; --is: #3e7bd6;
  --bad: #ba2525; --good: #147d64 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #171b20; --soft: #9aa5b1;
  --line: #323f4b; --was: #52606d; --is: #62a0ea; --bad: #ff8a80; --good: #65d6ad } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2.5rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2.2rem }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0 }
.tile { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem 1rem; min-width: 9rem }
.tile b { display: block; font-size: 1.3rem }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } td.number { font-variant-numeric: tabular-nums }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) }
.small { color: var(--soft); font-size: .85rem }
svg { display: block } .was { fill: var(--was) } .is { fill: var(--is) }
.axis { stroke: var(--soft) } text { fill: var(--soft); font-size: 11px }
"""
WIDTH = 560


def page(found: Findings, baseline: Baseline, current: Baseline) -> str:
    """The page's HTML. Everything that comes from data is escaped."""
    title = f"{found.model} in {found.stage}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"{_tiles(found)}{_quality(found.quality)}{_broken(found)}{_drift(found, baseline, current)}"
        "</body></html>"
    )


def _tiles(found: Findings) -> str:
    drifted, broken = len(found.drifted), len(found.violations) - len(found.drifted)
    labels = found.quality.n if found.quality else 0
    tiles = (
        ("rows looked at", str(found.rows), ""),
        ("features drifted", f"{drifted} of {len(found.drift)}", "bad" if drifted else "good"),
        ("constraints broken", str(broken), "bad" if broken else "good"),
        ("labelled rows", str(labels), ""),
        ("unreadable lines", str(found.bad_lines), "bad" if found.bad_lines else ""),
    )
    shown = "".join(
        f'<div class="tile"><b class="{kind}">{value}</b>{name}</div>' for name, value, kind in tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _quality(quality: Quality | None) -> str:
    if quality is None:
        return f"<h2>Quality</h2><p>{escape(quality_line(None))}.</p>"
    verdict = ("bad", "a loss beyond chance") if quality.loss > 1 else ("good", "within chance")
    return (
        f'<h2>Quality: <span class="{verdict[0]}">{verdict[1]}</span></h2>'
        f"<p>{escape(quality_line(quality))}.</p>{_intervals(quality)}"
    )


def _intervals(quality: Quality) -> str:
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


def _broken(found: Findings) -> str:
    broken = [one for one in found.violations if one["constraint_check_type"] != "baseline_drift_check"]
    if not broken:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one['feature_name'])}</td><td>{escape(one['constraint_check_type'])}</td>"
        f"<td>{escape(one['description'])}</td></tr>"
        for one in broken
    )
    return f'<h2 class="bad">Broken constraints</h2><div class="table"><table>{rows}</table></div>'


def _drift(found: Findings, baseline: Baseline, current: Baseline) -> str:
    if not found.drift:
        return "<h2>Drift of the inputs</h2><p>Nothing was captured yet.</p>"
    head = "<tr><th>feature</th><th>PSI</th><th>threshold</th><th></th><th>before and now</th></tr>"
    rows = "".join(_row(one, baseline[one.feature], current[one.feature]) for one in found.drift)
    return (
        f'<h2>Drift of the inputs</h2><div class="table"><table>{head}{rows}</table></div>'
        '<p class="small">PSI is the population stability index against the training data. The threshold is '
        "the larger of the configured one and what chance alone stays below on this many rows.</p>"
    )


def _row(one: Drift, before: Histogram, now: Histogram) -> str:
    verdict = '<span class="bad">drift</span>' if one.ratio > 1 else '<span class="good">steady</span>'
    return (
        f'<tr><td>{escape(one.feature)}</td><td class="number">{one.psi:.3f}</td>'
        f'<td class="number">{one.threshold:.3f}</td><td>{verdict}</td><td>{_bars(before, now)}</td></tr>'
    )


def _bars(before: Histogram, now: Histogram) -> str:
    """Both histograms side by side, bin by bin, each bin with what it holds as a hint."""
    was = [number / max(1, before.present) for number in before.counts]
    is_ = [number / max(1, now.present) for number in now.counts]
    tallest = max([*was, *is_, 1e-9])
    bins = "".join(
        f"<g><title>{escape(_bin(before, place))}: {then:.1%}, now {share:.1%}</title>"
        f"{_bar('was', 12 * place, then / tallest)}{_bar('is', 12 * place + 5, share / tallest)}</g>"
        for place, (then, share) in enumerate(zip(was, is_, strict=True))
    )
    return f'<svg width="{12 * len(was)}" height="36" role="img" aria-label="histogram">{bins}</svg>'


def _bar(kind: str, x: int, share: float) -> str:
    return f'<rect class="{kind}" x="{x}" y="{36 - 36 * share:.1f}" width="5" height="{36 * share:.1f}"/>'


def _bin(histogram: Histogram, place: int) -> str:
    if histogram.kind == "text":
        return histogram.domain[place] if place < len(histogram.domain) else "others"
    edges = histogram.edges
    if place == len(edges):
        return f"above {edges[-1]:.4g}" if edges else "all"
    return f"to {edges[place]:.4g}" if place == 0 else f"{edges[place - 1]:.4g} to {edges[place]:.4g}"
