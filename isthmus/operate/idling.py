"""`isthmus idle`: what costs money and serves nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.operate.idle import Idle

FOUND = 2


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 455), default=14, show_default=True, help="Asked nothing for so long."
)
@click.option("--exit-code", is_flag=True, help=f"Exit with {FOUND} where something is idle.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def idle(days: int, exit_code: bool, as_json: bool) -> None:
    """List endpoints and parts of shared ones that nobody asks, and configurations and models without use.

    Prices are those that platform.yaml says under `prices`. Nothing is deleted.
    """
    from isthmus.operate import idle as finding
    from isthmus.operate import show
    from isthmus.operate.commands import accounts_here

    found = finding.idle(accounts_here(), days)
    known = [one.monthly for one in found if one.monthly is not None]
    if as_json:
        unknown = sum(one.monthly is None for one in found)
        show.as_json(
            {"idle": [asdict(one) for one in found], "monthly": sum(known), "unknown_prices": unknown}
        )
    else:
        _show(found)
    if found and exit_code:
        raise click.exceptions.Exit(FOUND)


def _show(found: Sequence[Idle]) -> None:
    """What serves nobody, and what all of it costs, as far as prices are known."""
    from isthmus.operate.show import moment
    from isthmus.operate.table import Column, show

    columns = (
        Column("stage"),
        Column("what"),
        Column("name", 20),
        Column("made", spare=True),
        Column("machines"),
        Column("a month", right=True),
        Column("why", 20),
    )
    rows = [
        [one.stage, one.kind, one.name, moment(one.made), one.machines, _monthly(one), one.why]
        for one in found
    ]
    show(columns, rows, none="nothing is idle")
    costly = [one for one in found if one.kind == "endpoint"]
    if costly:
        total = sum(one.monthly or 0 for one in costly)
        unknown = sum(one.monthly is None for one in costly)
        more = f", and {unknown} whose price platform.yaml does not say (prices)" if unknown else ""
        click.echo(f"{len(costly)} idle endpoints cost {total:.2f} a month{more}")


def _monthly(one: Idle) -> str:
    return "?" if one.monthly is None else f"{one.monthly:.2f}"
