"""`isthmus events`: what came over the bridge, hop by hop; one event whole; and one sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING

import click

from isthmus.operate.commands import AS_JSON, accounts_here, fail_if_asked_in_vain

if TYPE_CHECKING:
    from isthmus.operate.accounts import Accounts
    from isthmus.operate.hops import Hop
    from isthmus.operate.registry import Version

# As long as CloudWatch keeps a log.
LONGEST_DAYS = 3653


def _days(_context: click.Context, _option: click.Parameter, days: float) -> float:
    # What is no number is in no range either.
    if not 0 < days <= LONGEST_DAYS:
        raise click.BadParameter(f"{days:g} is not in the range 0<x<={LONGEST_DAYS}.")
    return days


DAYS = click.option("--days", default=14.0, show_default=True, callback=_days, help="How far back.")
ID = click.argument("id_", metavar="ID")


@click.group(invoke_without_command=True)
@click.option("--model", help="Only this model's.")
@click.option("--correlation-id", help="Only this event's; its beginning will do.")
@click.option("--all", "ignored", is_flag=True, help="Events that the bridge ignored too.")
@DAYS
@AS_JSON
@click.pass_context
def events(
    context: click.Context,
    model: str | None,
    correlation_id: str | None,
    ignored: bool,
    days: float,
    as_json: bool,
) -> None:
    """Each hop of each event, the oldest first: registry, EventBridge, queue, bridge, run, deployments.

    `ms` is how long after the event's hop before it. Runs are shown to who is signed in to Azure DevOps;
    deployments as long as the registry names that run as the one that brought the version there.
    JSON, and what is asked for by its id, hold what the bridge ignored as well.
    """
    if context.invoked_subcommand is None:
        _list(model, correlation_id, ignored or as_json or bool(correlation_id), days, as_json)


def _list(model: str | None, correlation_id: str | None, whole: bool, days: float, as_json: bool) -> None:
    from isthmus.operate import dead_letters, devops, show, way
    from isthmus.operate.hops import ignored

    accounts = accounts_here()
    named = [accounts.platform.model(model)] if model else accounts.platform.models
    said = devops.ask(accounts.platform, [one.name for one in named])
    ours = [
        hop
        for hop in _hops(accounts, days)
        if model in (None, hop.model) and hop.correlation_id.startswith(correlation_id or "")
    ]
    hidden = set() if whole else ignored(ours)
    shown = [hop for hop in ours if hop.correlation_id not in hidden]
    found = [(hop, said.run(hop.run_id)) for hop in way.whole(shown, said.run, _versions(accounts))]
    if as_json:
        show.as_json([asdict(hop) | {"run": asdict(run) if run else None} for hop, run in found])
    else:
        show.events(found, said, hidden=len(hidden))
        lost = dead_letters.count(accounts.client("automation", "sqs"), accounts.platform)
        show.dead_letters(lost, dead_letters.url(accounts.platform))
    fail_if_asked_in_vain(said)


def _versions(accounts: Accounts) -> Callable[[str], Version | None]:
    """What the registry says of a version by its ARN: each is asked for once, and may be deleted by now."""
    from isthmus.operate import registry

    sagemaker = accounts.client("automation", "sagemaker")

    @cache
    def version(arn: str) -> Version | None:
        try:
            return registry.describe(sagemaker, arn) if ":model-package/" in arn else None
        except sagemaker.exceptions.ClientError:
            return None

    return version


@events.command("show")
@ID
@DAYS
def show_one(id_: str, days: float) -> None:
    """Print an event as it came. ID is its correlation id, or the beginning of it."""
    click.echo(json.dumps(json.loads(_payload(accounts_here(), id_, days)), indent=1))


@events.command()
@ID
@DAYS
def replay(id_: str, days: float) -> None:
    """Hand the bridge an event again, as it came; what was done for it is found and not done twice."""
    from isthmus.operate import dead_letters

    accounts = accounts_here()
    body = _payload(accounts, id_, days)
    dead_letters.send(accounts.as_approver("sqs"), accounts.platform, body)
    found = json.loads(body)["id"]
    click.echo(f"sent again; what comes of it: isthmus events --correlation-id {found}")


def _payload(accounts: Accounts, named: str, days: float) -> str:
    """The event whose correlation id begins so; raises `NotFound` unless it is exactly one."""
    from isthmus.errors import NotFound

    found = {
        hop.correlation_id: hop.payload
        for hop in _hops(accounts, days)
        if named and hop.payload and hop.correlation_id.startswith(named)
    }
    if len(found) != 1:
        raise NotFound(
            f"{len(found) or 'no'} events are called {named}",
            todo="see: isthmus events; what was refused: isthmus bridge dlq list",
        )
    (payload,) = found.values()
    return payload


def _hops(accounts: Accounts, days: float) -> list[Hop]:
    from isthmus.operate import hops

    return hops.read(accounts.client("automation", "logs"), accounts.platform, days=days)
