"""`isthmus compare`: what is known by now of a version beside another, and whether that is enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.config import STAGES, Stage

if TYPE_CHECKING:
    from isthmus.compare.findings import Findings
    from isthmus.compare.verdict import Difference

WORSE, OPEN = 2, 3
GOOD = ("better", "same")


@click.command()
@click.argument("model")
@click.option("--stage", type=click.Choice(STAGES), default="prod", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there.")
@click.option(
    "--exit-code",
    is_flag=True,
    help=f"Exit with 0 where the new version is better or no different, {WORSE} where it is worse or "
    f"answers otherwise, {OPEN} where not enough was seen.",
)
def compare(model: str, stage: Stage, as_json: bool, html: Path | None, exit_code: bool) -> None:
    """Compare the version of MODEL that is beside the one in prod with that one, as deploy.yaml asks.

    The intervals hold at every look: look as often as you like, and stop when it says that enough was seen.
    """
    from isthmus.compare.run import compare as look
    from isthmus.operate import show
    from isthmus.operate.commands import accounts_here

    accounts = accounts_here()
    accounts.platform.model(model)
    found = look(accounts, model, stage)
    if html:
        from isthmus.compare.report import page

        html.write_text(page(found), encoding="utf-8")
    if as_json:
        show.as_json(found.as_dict())
    else:
        _show(found)
        if html:
            click.echo(f"{html}")
    outcome = found.decides.outcome
    if exit_code and outcome not in GOOD:
        raise click.exceptions.Exit(OPEN if outcome == "open" else WORSE)


def _show(found: Findings) -> None:
    from isthmus.compare.report import agreed
    from isthmus.counting import counted
    from isthmus.operate.show import moment
    from isthmus.operate.table import Column, show

    one, other, asked = found.champion, found.challenger, found.asked
    how = "mirrored to" if asked.mode == "shadow" else "beside"
    click.echo(f"{found.model} in {found.stage}: version {one.version}, {how} version {other.version}")
    click.echo(f"  since {moment(found.since)}: {one.requests} and {other.requests} requests")
    columns = (
        Column("figure"),
        Column(f"version {one.version}", right=True),
        Column(f"version {other.version}", right=True),
        Column("difference", right=True),
        Column("from", right=True),
        Column("to", right=True),
        Column("of", 10),
        Column("what it says", 20),
    )
    show(columns, [_row(each) for each in found.differences], none="nothing was measured")
    if found.agreement:
        click.echo(agreed(found.agreement))
    if aside := one.set_aside + other.set_aside:
        click.echo(f"{counted(aside, 'captured line')} could not be read")
    decides = f"by {asked.metric}, {asked.smallest_difference:g} or more, at {1 - asked.alpha:.4g}"
    click.echo(f"{found.decides.words} ({decides})")


def _row(one: Difference) -> list[str]:
    estimate = one.estimate
    numbers = [one.champion, one.challenger]
    numbers += [estimate.value, estimate.low, estimate.high] if estimate else [None] * 3
    told = ["" if number is None else f"{number:.4g}" for number in numbers]
    unit = f" ({one.unit})" if one.unit else ""
    return [f"{one.name}{unit}", *told, f"{one.seen} {one.of}" if one.of else "", one.words]
