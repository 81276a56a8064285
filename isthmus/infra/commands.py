"""`isthmus infra`: synthesize, check, compare and deploy the accounts' stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.config import WORKLOADS, AccountRole

if TYPE_CHECKING:
    import boto3

    from isthmus.config import Platform

ASSEMBLY = click.option(
    "--assembly",
    type=click.Path(path_type=Path),
    default=Path("cdk.out"),
    show_default=True,
    help="The folder of the cloud assembly.",
)
ACCOUNT = click.option(
    "--account",
    "accounts",
    multiple=True,
    type=click.Choice([*WORKLOADS, "management"]),
    help="Only this account; may be given more than once.",
)


@click.group()
def infra() -> None:
    """Synthesize and deploy the accounts' stacks."""


@infra.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("cdk.out"),
    show_default=True,
    help="The folder to write the assembly to.",
)
@click.option("--validate/--no-validate", default=True, help="Let CDK check the templates too (3 s).")
def synth(output: Path, validate: bool) -> None:
    """Turn platform.yaml into one template per account."""
    from isthmus.config import read_platform
    from isthmus.infra.manifest import read_stacks
    from isthmus.infra.synth import synthesize

    read_platform(complete=False)  # so that a mistake in it is told in its own words
    synthesize(Path("app.py"), output, validate=validate)
    for stack in read_stacks(output):
        click.echo(f"{stack.name}  account {stack.account}  {stack.template}")


@infra.command()
@ASSEMBLY
def check(assembly: Path) -> None:
    """Check the templates with cfn-lint; any finding fails."""
    from isthmus.errors import Problem
    from isthmus.infra.check import check as findings_in

    findings = findings_in(assembly)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise Problem(f"cfn-lint found {len(findings)} things in the templates", where=str(assembly))
    click.echo("cfn-lint: no findings")


@infra.command()
@ASSEMBLY
@ACCOUNT
def diff(assembly: Path, accounts: tuple[AccountRole, ...]) -> None:
    """Show what deploying would change, resource by resource."""
    import json

    from isthmus.config import read_platform
    from isthmus.infra.diff import differences, standing
    from isthmus.infra.manifest import read_stacks
    from isthmus.infra.roles import Roles

    ids = _ids(read_platform(complete=False), accounts)
    for stack in read_stacks(assembly):
        if stack.account in ids:
            before = standing(Roles(_session(), stack.region), stack)
            found = differences(before, json.loads(stack.template.read_text())["Resources"])
            click.echo(f"{stack.name}: " + (f"{len(found)} changes" if found else "no change"))
            for one in found:
                click.echo(f"  {one}")


@infra.command()
@ASSEMBLY
@ACCOUNT
def deploy(assembly: Path, accounts: tuple[AccountRole, ...]) -> None:
    """Deploy the stacks, all accounts at the same time, through CDK's bootstrap roles."""
    from isthmus.config import read_platform
    from isthmus.infra.assembly import deploy as deploy_assembly
    from isthmus.infra.bootstrap import require_ready
    from isthmus.infra.members import tell_of_members
    from isthmus.infra.roles import Roles

    platform, session = read_platform(complete=False), _session()
    require_ready(Roles(session, platform.region), platform, accounts or platform.standing)
    outputs = deploy_assembly(session, assembly, accounts=_ids(platform, accounts), say=click.echo)
    tell_of_members(platform, outputs, click.echo)


def _ids(platform: Platform, accounts: tuple[AccountRole, ...]) -> frozenset[str]:
    return frozenset(getattr(platform.accounts, role) for role in accounts or platform.standing)


def _session() -> boto3.Session:
    import boto3

    return boto3.Session()
