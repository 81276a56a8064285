"""The monitor's report: one self-contained HTML page, to be read in a minute."""

from __future__ import annotations

from html import escape

from isthmus.monitor.baseline import Baseline
from isthmus.monitor.drift import columns
from isthmus.monitor.findings import Drift, Findings, Quality, quality_line
from isthmus.monitor.histogram import Histogram, histogram

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
STATISTICS = {
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon",
    "wasserstein": "Wasserstein",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov",
    "chi_squared": "χ²",
}


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
    named = ("feature", "distance", "threshold", "p", "", "before and now")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in named) + "</tr>"
    were, are = columns(baseline), columns(current)
    rows = "".join(_row(one, histogram(were[one.feature], are[one.feature])) for one in found.drift)
    return (
        f'<h2>Drift of the inputs</h2><div class="table"><table>{head}{rows}</table></div>'
        '<p class="small">A feature drifts where its distance from the training data is over the threshold, '
        "and so much is rarer by chance than the monitor's level. p is that chance, all features considered."
        "</p>"
    )


def _row(one: Drift, bins: Histogram) -> str:
    verdict = '<span class="bad">drift</span>' if one.ratio > 1 else '<span class="good">steady</span>'
    distance = f"{one.value:.3f} {STATISTICS[one.statistic]}"
    return (
        f'<tr><td>{escape(one.feature)}</td><td class="number">{distance}</td>'
        f'<td class="number">{one.threshold:.3f}</td><td class="number">{one.chance:.2g}</td>'
        f"<td>{verdict}</td><td>{_bars(bins)}</td></tr>"
    )


def _bars(bins: Histogram) -> str:
    """Both histograms side by side, bin by bin, each bin with what it holds as a hint."""
    was, is_ = (side / max(1, side.sum()) for side in (bins.before, bins.now))
    tallest = max(was.max(), is_.max(), 1e-9)
    shown = "".join(
        f"<g><title>{escape(name)}: {then:.1%}, now {share:.1%}</title>"
        f"{_bar('was', 12 * place, then / tallest)}{_bar('is', 12 * place + 5, share / tallest)}</g>"
        for place, (name, then, share) in enumerate(zip(bins.names, was, is_, strict=True))
    )
    return f'<svg width="{12 * len(was)}" height="36" role="img" aria-label="histogram">{shown}</svg>'


def _bar(kind: str, x: int, share: float) -> str:
    return f'<rect class="{kind}" x="{x}" y="{36 - 36 * share:.1f}" width="5" height="{36 * share:.1f}"/>'
