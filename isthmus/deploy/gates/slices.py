"""Slices: no group of rows is served so badly that the whole hides it. Each group's metric, with its
interval.

The groups are those of the columns that deploy.yaml names and of the facets of model.yaml. The intervals
are as wide as it takes for all groups together to be wrong no oftener than one would be.
"""

from __future__ import annotations

from isthmus.container.groups import Group, groups
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.held_out import Judged, judged
from isthmus.deploy.gates.plots import Bar, intervals
from isthmus.interval import FEWEST_OF_CLASS


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation, bounds = endpoint.holdout, endpoint.evaluation, endpoint.config.gates.slices
    columns = list(dict.fromkeys([*endpoint.facets, *bounds.columns]))
    if not columns:
        return [Finding.unknown("slices", "no facets in model.yaml, no gates.slices.columns in deploy.yaml")]
    found = judged([str(one) for one in rows[evaluation["target"]]], endpoint.served, evaluation)
    bar = evaluation["threshold"] if bounds.bar is None else bounds.bar
    return [
        finding
        for column in columns
        for finding in of_column(column, found, groups(rows, [column]), bar, bounds.fewest_rows, len(columns))
    ]


def of_column(
    column: str, found: Judged, parts: list[Group], bar: float, fewest: int, columns: int
) -> list[Finding]:
    """One finding for a column: which of its groups miss the bar, whatever chance explains."""
    large = [part for part in parts if part.size >= fewest and found.is_told(part.rows)]
    if not large:
        return [Finding.unknown(f"slices of {column}", f"no group has {_enough(found, fewest)}")]
    sure = 1 - (1 - found.evaluation["confidence"]) / (len(large) * columns)
    values = {part.name: found.of_group(part.rows, sure) for part in large}
    missed = [name for name, value in values.items() if not found.reaches(value, bar)]
    bars = [
        Bar(f"{name} ({part.size})", one.value, one.ci_low, one.ci_high, name not in missed)
        for part in large
        for name, one in [(part.name, values[part.name])]
    ]
    shown = missed or [max(values, key=lambda name: _badness(found, values[name].value))]
    worst = ", ".join(f"{name}: {values[name]}" for name in shown)
    small = len(parts) - len(large)
    message = (
        f"{found.metric} of {len(large)} groups, bar {bar:g}; {'too bad' if missed else 'worst'}: {worst}"
        + (f"; {small} groups without {_enough(found, fewest)} are not judged" if small else "")
    )
    return [Finding(f"slices of {column}", not missed, message, intervals(bars, found.metric, {"bar": bar}))]


def _enough(found: Judged, fewest: int) -> str:
    of_class = {
        "auc": f" and {FEWEST_OF_CLASS} of each class",
        "f1_macro": f" and {FEWEST_OF_CLASS} of a class",
    }
    return f"{fewest} rows{of_class.get(found.metric, '')}"


def _badness(found: Judged, value: float) -> float:
    return -value if found.higher_is_better else value
