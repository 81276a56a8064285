"""What lets a stage use an environment or a service connection: its checks, and the pipelines it is let to.

Computed against what is there; which checks are wanted, `guarded` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from isthmus.azure import drift
from isthmus.azure.differences import Difference
from isthmus.azure.guards import BUSINESS_HOURS, TASK, is_business_hours
from isthmus.azure.instructions.checks import PutCheck, RemoveCheck
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.instructions.permissions import Authorize, Close
from isthmus.azure.instructions.settings import SwitchOn
from isthmus.azure.present import Present
from isthmus.azure.resources import Authorization, Check, Environment, Wanted


def switches(want: Wanted, present: Present) -> Iterator[Instruction]:
    """The switches of the project's pipelines that are off: one instruction for each."""
    on = present.settings()
    for one in want.settings:
        if not on.get(one.name):
            yield SwitchOn(one, was=on.get(one.name))


def check(one: Check, present: Present) -> Iterator[Instruction]:
    found = [other for other in present.checks(one.resource_type, one.resource) if is_same(one, other)]
    if not found:
        yield PutCheck(one)
    elif differences := drift.of_check(one, found[0], present):
        yield PutCheck(one, found[0]["id"], differences)


def unasked(environment: Environment, checks: Sequence[Check], present: Present) -> Iterator[Instruction]:
    """What platform.yaml asked for once, and asks for no longer: business hours are the only such check."""
    wanted = [one for one in checks if (one.resource_type, one.resource) == ("environment", environment.name)]
    for found in present.checks("environment", environment.name):
        if is_business_hours(found) and not any(is_same(one, found) for one in wanted):
            yield RemoveCheck(environment.name, "business hours", found["id"])


def is_same(check: Check, found: dict[str, Any]) -> bool:
    """Whether it is the same check: of task checks there are many of one type."""
    if found["type"]["id"].lower() != check.type:
        return False
    if check.type != TASK:
        return True
    task = str(check.settings["definitionRef"]["id"])
    if task == BUSINESS_HOURS:
        return is_business_hours(found)
    return str(found["settings"]["definitionRef"]["id"]).lower() == task


def authorization(one: Authorization, present: Present) -> Iterator[Instruction]:
    numbers = {name: present.pipeline(name) for name in one.pipelines}
    there = present.authorized(one.resource_type, one.resource)
    missing = tuple(name for name, number in numbers.items() if number not in there)
    # What stood before these pipelines were made has yet to be let to them; else somebody took it away.
    taken = tuple(Difference(name, "not allowed", "allowed") for name in missing if numbers[name])
    if missing:
        is_new = present.resource(one.resource_type, one.resource) is None
        yield Authorize(one.resource_type, one.resource, missing, differences=() if is_new else taken)
    if one.resource_type != "repository" and present.is_open(one.resource_type, one.resource):
        yield Close(one.resource_type, one.resource)
    others = sorted(there - {number for number in numbers.values() if number})
    strangers = tuple((number, present.called(number)) for number in others)
    if one.only and strangers:
        found = tuple(Difference(name, "allowed", "not allowed") for _, name in strangers)
        yield Authorize(one.resource_type, one.resource, revoke=strangers, differences=found)
