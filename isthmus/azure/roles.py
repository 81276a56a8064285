"""Who administers or uses what is the platform's by a security role: administrators, and nobody else.

An Administrator of an environment may delete its checks; one of a service connection may besides let any
pipeline use it. https://learn.microsoft.com/azure/devops/pipelines/policies/permissions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from isthmus.azure.instructions.roles import TakeRole
from isthmus.azure.present import Present
from isthmus.azure.resources import CALLED, GUARDED, Kind, Wanted


@dataclass(frozen=True)
class Scopes:
    """The scopes of roles on `one` thing of a type and on `all` of them; and how the ids there are written:
    the project's, `separator` and the thing's; or the project's and `suffix`.
    """

    one: str
    separator: str
    all: str
    suffix: str = ""


SCOPES: dict[Kind, Scopes] = {
    "environment": Scopes(
        "distributedtask.environmentreferencerole", "_", "distributedtask.globalenvironmentreferencerole"
    ),
    "connection": Scopes(
        "distributedtask.serviceendpointrole", "_", "distributedtask.project.serviceendpointrole"
    ),
    "variablegroup": Scopes("distributedtask.variablegroup", "$", "distributedtask.library", "$0"),
}
# To read is everybody's; to make a thing is to rule that one alone.
NARROW = ("Reader", "Creator")
# To whom Azure DevOps itself gives wide roles, in every project.
GIVEN = ("Endpoint Administrators", "Build Administrators", "Release Administrators")


def strangers(want: Wanted, present: Present) -> Iterator[TakeRole]:
    """The roles that people gave to whom is no administrator, on things of ours or on all of the project.

    Who made a thing stays its Administrator: that is Azure DevOps' to give, and not to be taken.
    """
    things: dict[Kind, list[str]] = {
        "environment": [one.name for one in want.environments],
        "connection": [one.name for one in want.connections],
        "variablegroup": [one.name for one in want.variable_groups],
    }
    there = {
        kind: [(name, key) for name in names if (key := present.resource(GUARDED[kind], name))]
        for kind, names in things.items()
    }
    if not any(there.values()):
        return
    project, spared = present.project(), _administrators(want, present)
    for kind, found in there.items():
        scopes, called = SCOPES[kind], CALLED[GUARDED[kind]]
        if found:
            place = f"every {called} of {want.project}"
            yield from _taken(scopes.all, f"{project}{scopes.suffix}", place, spared, present)
        for name, key in found:
            resource, maker = f"{project}{scopes.separator}{key}", present.maker(kind, name)
            mine = spared | ({str(maker.id).lower()} if maker else set())
            yield from _taken(scopes.one, resource, f"{called} {name}", mine, present)


def _taken(scope: str, resource: str, place: str, spared: set[str], present: Present) -> Iterator[TakeRole]:
    for one in present.roles(scope, resource):
        identity, role = one["identity"], str(one["role"]["name"])
        if role not in NARROW and identity["id"].lower() not in spared:
            yield TakeRole(scope, resource, identity["id"], identity["displayName"], role, place)


def _administrators(want: Wanted, present: Present) -> set[str]:
    """The ids of the groups of administrators, and of all who are in them."""
    named = ("Project Administrators", *GIVEN)
    groups = [
        one
        for name in (*(f"[{want.project}]\\{name}" for name in named), "Project Collection Administrators")
        for one in present.identities(name)
    ]
    members = [key for one in groups for key in present.member_ids(one, "Expanded")]
    return {key.lower() for key in (*(str(one.id) for one in groups), *members)}
