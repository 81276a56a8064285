"""`isthmus audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from isthmus.audit.facts import Facts

FORMATS = ("table", "json", "sarif", "junit")


@click.command()
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there too.")
@click.option("--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Write SARIF there as well.")
@click.option(
    "--as",
    "role",
    type=click.Choice(("operator", "audit")),
    default="operator",
    show_default=True,
    help="Who reads in AWS: the audit's role is the nightly pipeline's, which may read less.",
)
@click.option(
    "--roles/--no-roles",
    default=False,
    help="Ask too whether a role was widened or made past its stack; takes minutes.",
)
def audit(format_: str, output: Path | None, sarif: Path | None, role: str, roles: bool) -> None:
    """Prove that what runs in prod came there by the rules; 1 where a rule is broken, 2 where it cannot."""
    from isthmus.audit.report import FORMATS as WRITTEN
    from isthmus.audit.rules import RULES
    from isthmus.azure.logging_commands import command
    from isthmus.counting import counted

    facts = _facts(role, roles=roles)
    unasked = {rule.id for rule in RULES if not rule.asked(facts)}
    findings = [one for rule in RULES for one in rule.findings(facts)]
    text = WRITTEN[format_](RULES, findings, unasked)
    if sarif:
        sarif.write_text(f"{WRITTEN['sarif'](RULES, findings, unasked)}\n")
    if output:
        output.write_text(f"{text}\n")
        click.echo(WRITTEN["table"](RULES, findings, unasked))
    else:
        click.echo(text)
    if findings:
        if output or format_ == "table":
            command(
                "task.logissue",
                f"the audit found {counted(len(findings), 'breach', 'breaches')}",
                type="error",
            )
        raise click.exceptions.Exit(1)


def _facts(role: str, *, roles: bool) -> Facts:
    """The facts; whatever hinders the audit ends with 2, for 1 means that something was found."""
    from isthmus import names
    from isthmus.audit.facts import gather
    from isthmus.config import read_platform
    from isthmus.errors import Problem
    from isthmus.operate.accounts import Accounts

    try:
        platform = read_platform()
        reads = names.audit_role(platform) if role == "audit" else names.operator_role(platform)
        return gather(Accounts(platform, reads), roles=roles)
    except Problem as problem:
        problem.exit_code = 2
        raise
