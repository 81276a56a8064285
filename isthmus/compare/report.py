"""The report of a comparison: one self-contained HTML page, to be read in a minute."""

from __future__ import annotations

from html import escape

from isthmus.compare.findings import Agreement, Findings
from isthmus.compare.verdict import Difference
from isthmus.counting import counted
from isthmus.monitor.report import STYLE, table

WIDTH, MARGIN = 420, 12
COLOURS = {"better": "good", "same": "good", "worse": "bad"}


def page(found: Findings) -> str:
    """The page's HTML. Everything that comes from data is escaped."""
    title = f"{found.model} in {found.stage}: {found.champion.version} and {found.challenger.version}"
    decides = found.decides
    verdict = f'<span class="{COLOURS.get(decides.outcome, "")}">{escape(decides.words)}</span>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE} .matters {{ fill: var(--line) }}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(_how(found))}</p>{_tiles(found)}"
        f"<h2>{verdict}</h2>{_differences(found)}{_agreement(found.agreement)}</body></html>"
    )


def _how(found: Findings) -> str:
    asked = found.asked
    share = f"gets copies of {asked.percent} % of the requests, and its answers reach nobody"
    if asked.mode == "ab":
        share = f"answers {asked.percent} % of the requests"
    return (
        f"Since {found.since} version {found.challenger.version} {share}. It is judged by {asked.metric}: a "
        f"difference of less than {asked.smallest_difference:g} does not matter, and one is claimed wrongly "
        f"at most {asked.alpha:.2%} of the time, however often one looks."
    )


def _tiles(found: Findings) -> str:
    aside = found.champion.set_aside + found.challenger.set_aside
    tiles = [
        (f"requests to version {found.champion.version}", str(found.champion.requests), ""),
        (f"requests to version {found.challenger.version}", str(found.challenger.requests), ""),
        ("unreadable lines", str(aside), "bad" if aside else ""),
    ]
    if found.agreement:
        tiles.insert(2, ("pairs with the same answer", _share(found.agreement), ""))
    shown = "".join(
        f'<div class="tile"><b class="{kind}">{value}</b>{escape(name)}</div>' for name, value, kind in tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _differences(found: Findings) -> str:
    head = (
        "figure",
        f"version {escape(found.champion.version)}",
        f"version {escape(found.challenger.version)}",
        "difference, and the interval that holds at every look",
        "of",
        "what it says",
    )
    smallest = found.asked.smallest_difference
    rows = (
        [
            f"<b>{escape(one.name)}</b>" if one is found.decides else escape(one.name),
            _number(one.champion, one.unit),
            _number(one.challenger, one.unit),
            interval(one, smallest if one is found.decides else 0.0),
            escape(f"{one.seen} {one.of}" if one.of else ""),
            f'<span class="{COLOURS.get(one.outcome, "")}">{escape(one.words)}</span>',
        ]
        for one in found.differences
    )
    return (
        f"{table(head, rows)}"
        '<p class="small">The figure in bold decides; the band is what does not matter. The others are '
        "shown, and each claims a difference wrongly as seldom, on its own. Intervals are asymptotic "
        "confidence sequences (Waudby-Smith et al., 2021).</p>"
    )


def interval(one: Difference, smallest: float) -> str:
    """The interval on an axis with nought in its middle, and the band of what does not matter."""
    if one.estimate is None:
        return ""
    low, high, value = one.estimate.low, one.estimate.high, one.estimate.value
    reach = max(abs(low), abs(high), smallest) or 1.0
    scale = (WIDTH / 2 - MARGIN) / reach

    def at(number: float) -> float:
        return WIDTH / 2 + number * scale

    wide, middle = 2 * smallest * scale, WIDTH / 2
    band = f'<rect class="matters" x="{at(-smallest):.1f}" y="2" width="{wide:.1f}" height="28"/>'
    return (
        f'<svg width="{WIDTH}" height="46" role="img" aria-label="interval">{band}'
        f'<line class="axis" x1="{middle}" x2="{middle}" y1="0" y2="32"/>'
        f'<rect class="is" x="{at(low):.1f}" y="13" rx="3" height="6" '
        f'width="{max(1.0, (high - low) * scale):.1f}"/>'
        f'<circle class="is" cx="{at(value):.1f}" cy="16" r="6"/>'
        f'<text x="0" y="44">{low:.3g}</text>'
        f'<text x="{middle}" y="44" text-anchor="middle">{value:.3g}</text>'
        f'<text x="{WIDTH}" y="44" text-anchor="end">{high:.3g}</text></svg>'
    )


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f'{value:.4g} <span class="small">{escape(unit)}</span>'


def _agreement(found: Agreement | None) -> str:
    if found is None:
        return ""
    rows = ([escape(cell) for cell in one] for one in found.furthest)
    shown = table(("request", "served", "copy"), rows) if found.furthest else ""
    return f"<h2>Copies and originals</h2><p>{escape(agreed(found))}.</p>{shown}"


def agreed(found: Agreement) -> str:
    """How far the pairs agree, in a sentence."""
    if not found.pairs:
        return "no pair was captured yet"
    said = f"{_share(found)} of {counted(found.pairs, 'pair')} have the same answer"
    if found.gaps is None:
        return said
    middle, most, largest = found.gaps
    apart = f"{middle:.3g} in the middle, {most:.3g} at the 95th percentile, {largest:.3g} at most"
    return f"{said}; apart by {apart}"


def _share(found: Agreement) -> str:
    return f"{found.same / found.pairs:.1%}" if found.pairs else "–"
