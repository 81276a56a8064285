"""`isthmus bridge dlq list | show | redrive`: what the bridge could not carry, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from isthmus.operate.commands import AS_JSON, accounts_here

if TYPE_CHECKING:
    from isthmus.config import Platform
    from isthmus.operate.dead_letters import DeadLetter


@click.group()
def bridge() -> None:
    """The bridge that carries events to Azure DevOps."""


@bridge.group()
def dlq() -> None:
    """Events that could not be carried over; as the approver, for each may start a run."""


@dlq.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """Every dead letter, the oldest first: since when, why, and what it is about."""
    from isthmus.operate import show

    with _letters() as (_, _, found):
        if as_json:
            show.as_json([_public(one) for one in found])
        else:
            show.letters(found)


@dlq.command("show")
@click.argument("identity", metavar="ID")
def show_(identity: str) -> None:
    """The dead letter ID (its own or its event's, or the beginning) whole, as JSON."""
    from isthmus.operate import show

    with _letters() as (_, _, found):
        letter = _named(found, identity)
        show.as_json(_public(letter) | {"payload": _payload(letter.body)})


@dlq.command()
@click.argument("identity", metavar="ID", required=False)
@click.option("--all", "every", is_flag=True, help="Every event among them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def redrive(identity: str | None, every: bool, yes: bool) -> None:
    """Send the dead letter ID, or --all, to the bridge again, which does nothing twice."""
    from isthmus.errors import BadInput
    from isthmus.operate import dead_letters

    if bool(identity) == every:
        raise BadInput("which are to be sent again?", todo="give an ID, or --all")
    with _letters() as (sqs, platform, found):
        chosen = found if every else [_named(found, str(identity))]
        able = [one for one in chosen if one.is_event]
        for one in chosen:
            if not one.is_event:
                click.echo(f"{one.id}: stays, for it is no event that the bridge could carry ({one.reason})")
        if every and able and not yes:
            click.confirm(f"send {len(able)} again?", abort=True)
        for one in able:
            dead_letters.redrive(sqs, platform, one)
            found.remove(one)
            click.echo(f"{one.id}: sent again; isthmus events --correlation-id {one.correlation_id}")


@contextmanager
def _letters() -> Iterator[tuple[Any, Platform, list[DeadLetter]]]:
    """What waits in the queue; what is still in the list in the end is given back to it."""
    from isthmus.operate import dead_letters

    accounts = accounts_here()
    sqs = accounts.as_approver("sqs")
    found = dead_letters.read(sqs, accounts.platform)
    try:
        yield sqs, accounts.platform, found
    finally:
        dead_letters.give_back(sqs, accounts.platform, found)


def _named(found: list[DeadLetter], identity: str) -> DeadLetter:
    from isthmus.errors import BadInput, NotFound

    named = [one for one in found if one.id.startswith(identity) or one.correlation_id.startswith(identity)]
    if not named:
        raise NotFound(f"no dead letter {identity}", todo="see isthmus bridge dlq list")
    if len(named) > 1:
        raise BadInput(f"{identity} may be {', '.join(one.id for one in named)}", todo="give one of these")
    return named[0]


def _public(letter: DeadLetter) -> dict[str, str]:
    keys = ("id", "at", "reason", "correlation_id", "kind", "about", "attempts")
    return {key: getattr(letter, key) for key in keys}


def _payload(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body
