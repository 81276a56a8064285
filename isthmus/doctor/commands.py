"""`isthmus doctor`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from isthmus.errors import Unavailable

if TYPE_CHECKING:
    from isthmus.doctor.checks import Result
    from isthmus.doctor.finding import Finding, Status

MARKS: dict[Status, str] = {"ok": "✓", "warning": "!", "missing": "✗", "could not look": "?"}
# By the worst that was found; a warning is no fault.
EXITS: tuple[tuple[Status, int], ...] = (("missing", 1), ("could not look", Unavailable.exit_code))


@click.command()
@click.option("--only", multiple=True, metavar="CHECK", help="Only this check; may be given more than once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def doctor(only: tuple[str, ...], as_json: bool) -> None:
    """Examine a set-up from both sides: what is missing, and the one command that mends it.

    \b
    ✓  ok            !  warning
    ✗  missing       ?  could not look, and why
    Ends with 1 where something is missing; else with 5 where it could not look at all of it.
    """
    from isthmus.config import read_platform
    from isthmus.doctor.checks import examine, require_known
    from isthmus.doctor.sight import Sight

    require_known(only)
    found = list(examine(Sight(read_platform()), only))
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=1))
    else:
        _show(found)
    found_statuses = {one.finding.status for one in found}
    raise click.exceptions.Exit(next((code for status, code in EXITS if status in found_statuses), 0))


def _show(found: Sequence[Result]) -> None:
    from isthmus.operate.table import Column, show

    columns = (Column(""), Column("check", 12), Column("in"), Column("about", 20), Column("says", 30))
    rows = [
        [MARKS[finding.status], ", ".join(checks), place, finding.about, finding.says]
        for (place, finding), checks in _told_once(found).items()
    ]
    show(columns, rows, none="nothing was examined")
    for remedy, all_ in _remedies(found).items():
        click.echo()
        click.echo("; ".join(dict.fromkeys(one.finding.about or one.check for one in all_)))
        click.echo(f"  do: {remedy}")
    counted = Counter(one.finding.status for one in found)
    click.echo()
    click.echo(", ".join(f"{counted[status]} {status}" for status in MARKS if counted[status]))


def _told_once(found: Sequence[Result]) -> dict[tuple[str, Finding], list[str]]:
    """Each finding of a place with its checks: one refusal may hinder many."""
    told: dict[tuple[str, Finding], list[str]] = {}
    for one in found:
        told.setdefault((one.place, one.finding), []).append(one.check)
    return told


def _remedies(found: Sequence[Result]) -> dict[str, list[Result]]:
    """What to do, each once, with what it mends."""
    remedies: dict[str, list[Result]] = {}
    for one in found:
        if one.finding.remedy:
            remedies.setdefault(one.finding.remedy, []).append(one)
    return remedies
