"""`isthmus infra` and `isthmus diff`: synthesize, check, compare and deploy the accounts' stacks."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from isthmus.config import AccountRole

if TYPE_CHECKING:
    import boto3

    from isthmus.config import Platform
    from isthmus.infra.diff import Difference

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
    type=click.Choice(get_args(AccountRole)),
    help="Only this account; may be given more than once.",
)


@click.group()
def infra() -> None:
    """Synthesize, check and deploy the accounts' stacks, and look whether they drifted."""


@infra.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("cdk.out"),
    show_default=True,
    help="The folder to write the assembly to.",
)
@click.option("--validate/--no-validate", default=True, help="Let CDK check the templates too (3 s).")
@click.option(
    "--app",
    type=click.Path(path_type=Path),
    default=Path("app.py"),
    show_default=True,
    help="The CDK app; it reads the platform.yaml beside it.",
)
def synth(output: Path, validate: bool, app: Path) -> None:
    """Turn platform.yaml into the accounts' templates."""
    from isthmus.config import read_platform
    from isthmus.infra.manifest import read_stacks
    from isthmus.infra.synth import synthesize

    if app == Path("app.py"):
        read_platform(complete=False)  # so that a mistake in it is told in its own words
    synthesize(app, output, validate=validate)
    for stack in read_stacks(output):
        click.echo(f"{stack.name}  account {stack.account}  {stack.template}")


@infra.command()
def accounts() -> None:
    """List the accounts that can be deployed to; in a job, set an output variable for each."""
    import os

    from isthmus.azure.logging_commands import command
    from isthmus.config import read_platform

    platform = read_platform(complete=False)
    for role in platform.standing:
        click.echo(f"{role}  {getattr(platform.accounts, role)}")
        if os.environ.get("TF_BUILD"):
            command("task.setvariable", "true", variable=role, isOutput="true")


@infra.command()
@ASSEMBLY
def check(assembly: Path) -> None:
    """Check the templates with cfn-lint, and that nobody locks themselves out; any finding fails."""
    from isthmus.errors import Problem
    from isthmus.infra.check import check as findings_in

    findings = findings_in(assembly)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise Problem(f"findings in the templates: {len(findings)}", where=str(assembly))
    click.echo("the templates have no findings")


@click.command()
@ASSEMBLY
@ACCOUNT
@click.option(
    "--before",
    type=click.Path(path_type=Path),
    default=None,
    help="Another assembly to compare with, in place of what stands in the accounts.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write it to this file too, as a pull request shows it.",
)
def diff(
    assembly: Path, accounts: tuple[AccountRole, ...], before: Path | None, markdown: Path | None
) -> None:
    """Show what deploying would change, resource by resource; `!` marks what touches security."""
    from isthmus.config import read_platform
    from isthmus.infra import diff as comparing

    found = _differences(assembly, before, _ids(read_platform(complete=False), accounts))
    for stack, each in found.items():
        for line in comparing.told(stack, each):
            click.echo(line)
    if markdown:
        markdown.write_text(comparing.markdown(found), encoding="utf-8")


def _differences(assembly: Path, before: Path | None, ids: Collection[str]) -> dict[str, list[Difference]]:
    """By stack, in the order in which they are deployed; the stacks that go with the assembly come last."""
    from isthmus.infra.diff import deployed, differences, resources_of
    from isthmus.infra.manifest import read_stacks
    from isthmus.infra.roles import Roles

    old = resources_of(before) if before else {}
    after = resources_of(assembly)
    found = {}
    for stack in read_stacks(assembly):
        if stack.account in ids:
            there = old.get(stack.name, {}) if before else deployed(Roles.here(stack.region), stack)
            found[stack.name] = differences(there, after[stack.name])
    gone = {name: differences(resources, {}) for name, resources in old.items() if name not in after}
    return found | gone


@infra.command()
@ASSEMBLY
@ACCOUNT
def deploy(assembly: Path, accounts: tuple[AccountRole, ...]) -> None:
    """Deploy the stacks, all accounts at the same time, through CDK's bootstrap roles."""
    from isthmus.config import read_platform
    from isthmus.infra.assembly import deploy as deploy_assembly
    from isthmus.infra.bootstrap import require_ready
    from isthmus.infra.members import tell_of_members
    from isthmus.infra.removed import require_no_endpoint
    from isthmus.infra.roles import Roles

    platform, session = read_platform(complete=False), _session()
    roles, wanted = Roles(session, platform.region), accounts or platform.standing
    require_ready(roles, platform, wanted)
    require_no_endpoint(roles, platform, wanted, click.echo)
    outputs = deploy_assembly(session, assembly, accounts=_ids(platform, accounts), say=click.echo)
    tell_of_members(platform, outputs, click.echo)


@infra.command()
@ACCOUNT
def drift(accounts: tuple[AccountRole, ...]) -> None:
    """Find out whether somebody changed the stacks' resources past them; fails where so."""
    from isthmus.azure.logging_commands import command
    from isthmus.config import read_platform
    from isthmus.errors import Problem
    from isthmus.infra.drift import of_account
    from isthmus.infra.roles import Roles

    platform = read_platform()
    roles, drifted = Roles.here(platform.region), []
    for account in accounts or platform.standing:
        for stack, found in of_account(roles, platform, account):
            click.echo(f"{stack}: " + ("; ".join(map(str, found)) or "as it was deployed"))
            if found:
                drifted.append(stack)
                command("task.logissue", f"{stack}: {'; '.join(map(str, found))}", type="warning")
    if drifted:
        raise Problem(
            f"somebody changed what was deployed: {', '.join(drifted)}",
            todo="undo the change in the account; or write it into the platform's repository and deploy",
        )


def _ids(platform: Platform, accounts: tuple[AccountRole, ...]) -> frozenset[str]:
    return frozenset(getattr(platform.accounts, role) for role in accounts or platform.standing)


def _session() -> boto3.Session:
    import boto3

    return boto3.Session()
