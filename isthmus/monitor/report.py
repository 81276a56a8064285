"""The monitor's report: one self-contained HTML page, to be read in a minute."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from isthmus.counting import counted
from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.bias import AFTER_TRAINING, BEFORE_TRAINING
from isthmus.monitor.drift import columns
from isthmus.monitor.findings import BiasMetric, Drift, Findings, quality_line
from isthmus.monitor.histogram import histogram
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.pictures import bars, importances, intervals
from isthmus.monitor.predictions import PREDICTION

STYLE = """
:root { --ink: #1f2933; --paper: #fff; --soft: #616e7c; --line: #e4e7eb; --was: #b0bec5; --is: #3e7bd6;
  --bad: #ba2525; --good: #147d64 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #171b20; --soft: #9aa5b1;
  --line: #323f4b; --was: #52606d; --is: #62a0ea; --bad: #ff8a80; --good: #65d6ad } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2.5rem auto; max-width: 76rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2.2rem }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0 }
.tile { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem 1rem; min-width: 9rem }
.tile b { display: block; font-size: 1.3rem }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } td.number { font-variant-numeric: tabular-nums }
.was-key { border-bottom: 3px solid var(--was) } summary { cursor: pointer; color: var(--soft) }
td { font-variant-numeric: tabular-nums; vertical-align: middle }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) }
.unsure { font-weight: 600 } .small { color: var(--soft); font-size: .85rem }
.ends { display: inline-flex; justify-content: space-between; gap: 1.5rem; white-space: nowrap }
.moved { white-space: nowrap }
svg { display: block } .was { fill: var(--was) } .is { fill: var(--is) }
.axis { stroke: var(--soft) } text { fill: var(--soft); font-size: 11px }
"""
VERDICTS = {"drift": "bad", "unsure": "unsure", "steady": "good"}
# So many characters of a category are shown.
WIDE = 12
STATISTICS = {
    "psi": "PSI",
    "jensen_shannon": "J-S",
    "wasserstein": "Wasserstein",
    "kolmogorov_smirnov": "K-S",
    "chi_squared": "χ²",
}


def page(found: Findings, baseline: Baseline, current: Baseline) -> str:
    """The page's HTML. Everything that comes from data is escaped."""
    title = f"{found.model} in {found.stage}: version {found.version}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="small">About {escape(found.about)}, when this page was made.</p>'
        f"{_tiles(found, baseline)}{_quality(found)}{_broken(found)}"
        f"{_drift(found, baseline, current)}{_bias(found)}{_explained(found)}{_aside(found)}"
        "</body></html>"
    )


def _tiles(found: Findings, baseline: Baseline) -> str:
    broken, labels = len(found.broken), found.quality.n if found.quality else 0
    answers = [one for one in found.drift if one.feature == PREDICTION]
    judged, far = ({one.feature for one in some} for some in (found.drift, found.drifted))
    # A feature of prose is several columns.
    inputs = [set(columns({name: one})) for name, one in baseline.items() if name != PREDICTION]
    drifted = sum(not far.isdisjoint(one) for one in inputs)
    looked_at = sum(not judged.isdisjoint(one) for one in inputs)
    moved = any(one in answers for one in found.drifted)
    tiles = (
        ("rows looked at", str(found.rows), ""),
        ("features drifted", f"{drifted} of {looked_at}", "bad" if drifted else "good"),
        *[("answers", *(("drifted", "bad") if moved else ("steady", "good"))) for _ in answers],
        ("constraints broken", str(broken), "bad" if broken else "good"),
        ("labelled rows", str(labels), ""),
        ("unreadable lines", str(found.bad_lines), "bad" if found.bad_lines else ""),
    )
    shown = "".join(
        f'<div class="tile"><b class="{kind}">{value}</b>{name}</div>' for name, value, kind in tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _quality(found: Findings) -> str:
    quality = found.quality
    if quality is None:
        return f"<h2>Quality</h2><p>{escape(quality_line(found))}.</p>"
    verdict = ("bad", "a loss beyond chance") if quality.loss > 1 else ("good", "within chance")
    return (
        f'<h2>Quality: <span class="{verdict[0]}">{verdict[1]}</span></h2>'
        f"<p>{escape(quality_line(found))}.</p>{intervals(quality)}"
    )


def _broken(found: Findings) -> str:
    if not found.broken:
        return ""
    rows = (
        [escape(one[key]) for key in ("feature_name", "constraint_check_type", "description")]
        for one in found.broken
    )
    return f'<h2 class="bad">Broken constraints</h2>{table(("feature", "constraint", "what is wrong"), rows)}'


def _drift(found: Findings, baseline: Baseline, current: Baseline) -> str:
    if not found.drift:
        return "<h2>Drift</h2><p>Nothing was captured yet.</p>"
    were, are = columns(baseline), columns(current)
    rows = (_row(one, were[one.feature], are[one.feature]) for one in found.drift)
    named = (
        "feature",
        "",
        *STATISTICS.values(),
        "p",
        "training → now",
        '<span class="was-key">training</span> and now',
    )
    return (
        f"<h2>Drift of inputs and answers</h2>{table(named, rows)}"
        '<p class="small">The distance in bold decides: a feature drifts where it is over its threshold, and '
        f"so much is rarer by chance than the monitor's level, {found.drift[0].level:g}. p is that chance, "
        "all features considered. Unsure is what may drift as far as its distance can be wrong (±): no alarm "
        "is raised of it. PSI and Jensen-Shannon are over the bins shown, so is χ² of texts; of "
        "numbers it is over the deciles of training and now together. Wasserstein is in "
        "standard deviations of the training data, Kolmogorov-Smirnov the largest gap of the two "
        "distribution functions.</p>"
    )


def _row(one: Drift, before: Column, now: Column) -> list[str]:
    return [
        escape(one.feature),
        f'<span class="{VERDICTS[one.verdict]}">{one.verdict}</span>',
        *(_distance(one, statistic) for statistic in STATISTICS),
        f"{one.chance:.2g}",
        _moved(before, now),
        bars(histogram(before, now)),
    ]


def _moved(before: Column, now: Column) -> str:
    """What lies in the middle, or is commonest, in training and now, and how much is missing."""
    missing = " → ".join(f"{1 - one.completeness:.2%}" for one in (before, now))
    shown = f'<br><span class="small">missing {missing}</span>' if before.missing or now.missing else ""
    what = "mean " if isinstance(before, Numbers) else ""
    was, is_ = (f'<span class="moved">{escape(_middle(one))}</span>' for one in (before, now))
    return f"{what}{was} → {is_}{shown}"


def _middle(column: Column) -> str:
    if not column.present:
        return "nothing"
    if isinstance(column, Numbers):
        return f"{column.mean:.4g}"
    text, rows = max([*column.domain.items(), *column.sample.values()], key=lambda one: one[1])
    cut = text[:WIDE] + ("…" if len(text) > WIDE else "")
    return f"{cut!r} {rows / column.present:.0%}"


def _distance(one: Drift, statistic: str) -> str:
    value = one.distances.get(statistic)
    if value is None:
        return ""
    if statistic != one.statistic:
        return f"{value:.3g}"
    error = f" ± {one.error:.2g}" if one.error else ""
    return f'<b>{value:.3g}</b>{error}<br><span class="small">threshold {one.threshold:g}</span>'


def _bias(found: Findings) -> str:
    if not found.bias:
        return ""
    verdict = '<span class="bad">grown</span>' if found.unfair else '<span class="good">as in training</span>'
    rest = [one for one in found.bias if one.ratio <= 1]
    return (
        f"<h2>Bias: {verdict}</h2>{_metrics(found.unfair) if found.unfair else ''}"
        f"<details><summary>{counted(len(rest), 'metric')} no further from fair than chance allows</summary>"
        f"{_metrics(rest)}</details>"
        '<p class="small">The metrics of SageMaker Clarify; a finding is further from fair than in training, '
        "beyond what a bootstrap of both allows to chance.</p>"
    )


def _metrics(metrics: list[BiasMetric]) -> str:
    """A table of bias metrics, what has moved most first."""
    names = BEFORE_TRAINING | AFTER_TRAINING
    rows = (
        [
            f"{escape(one.facet)} = {escape(one.value)}",
            escape(names[one.name]),
            *map(_number, (one.before, one.now)),
        ]
        for one in sorted(metrics, key=lambda one: -one.ratio)
    )
    return table(("facet", "metric", "training", "now"), rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _explained(found: Findings) -> str:
    if found.explained is None:
        return ""
    one = found.explained
    verdict = ("bad", "count otherwise than in training") if one.drifted else ("good", "count as in training")
    return (
        f'<h2>Explanations: features <span class="{verdict[0]}">{verdict[1]}</span></h2>{importances(one)}'
        f'<p class="small">Mean absolute Shapley values: above training, below {one.rows} captured rows. '
        f"Likeness of their order (NDCG): {one.ndcg:.3f}; under {one.threshold:g} is a finding.</p>"
    )


def _aside(found: Findings) -> str:
    aside = ([str(one.lines), escape(one.reason), escape(one.first)] for one in found.set_aside)
    twice = (
        [escape(key), escape(", then ".join(labels))] for key, labels in list(found.labels_twice.items())[:50]
    )
    shown = ""
    if found.set_aside:
        shown += f"<h2>Set aside</h2>{table(('lines', 'reason', 'the first'), aside)}"
    if found.labels_twice:
        number = counted(len(found.labels_twice), "id")
        shown += f"<h2>Labels that differ: {number}</h2>{table(('id', 'labels; the last counts'), twice)}"
    return shown


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    titles = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><tr>{titles}</tr>{body}</table></div>'
