"""What `isthmus azure destroy` and `apply --prune` remove: what carries this platform's mark, no more.

Connections go first, with their checks: an interrupted removal leaves no way to AWS unguarded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from isthmus.azure import marks
from isthmus.azure.admission import is_same
from isthmus.azure.bits import GIT_NAMESPACE
from isthmus.azure.guards import is_business_hours
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.instructions.permissions import BYPASS, DenyBypass, RevokeJobs, denied, place
from isthmus.azure.instructions.removals import Forget, Remove
from isthmus.azure.marks import Mark
from isthmus.azure.present import Present
from isthmus.azure.resources import GUARDED, Check, Kind, ResourceType, Wanted
from isthmus.azure.wanted import wanted
from isthmus.config import Platform

ORDER: tuple[Kind, ...] = ("connection", "variablegroup", "policy", "pipeline", "environment", "repository")

UNASKED = "platform.yaml asks for it no longer; --prune removes it"


@dataclass(frozen=True)
class Stays:
    """What apply made and is left all the same, for the sake of what others made."""

    thing: str
    why: str

    def __str__(self) -> str:
        return f"  {self.thing} stays: {self.why}"


def plan(platform: Platform, present: Present, *, repositories: bool) -> list[Instruction | Stays]:
    """In the order in which it can be done; nothing where there is no project or no mark."""
    # A URL stands for any: what leads to the bridge is marked as all else.
    want = wanted(platform, callback="https://")
    mine = _mine(platform.name, want, present)
    found = _removals(mine, mine, want, present, repositories=repositories)
    removed = {one.mark for one in found if isinstance(one, Remove)}
    return [*found, *_revoked(want, present, [one for one in mine if one not in removed])]


def unasked(platform: Platform, present: Present, *, prune: bool) -> list[Instruction | Stays]:
    """What apply made and platform.yaml asks for no longer, such as of a model that it names no more.

    Without `prune` all stays but variable groups, which hold nothing else than platform.yaml said; and
    repositories stay anyway: what is in them is a team's.
    """
    want = wanted(platform, callback="https://")
    mine, asked = _mine(platform.name, want, present), set(marks.wanted(want))
    left = [one for one in mine if (one.kind, one.name) not in asked]
    going = [one for one in left if prune or one.kind == "variablegroup"]
    return [
        *_removals(going, mine, want, present, repositories=False),
        *(Stays(one.thing, UNASKED) for one in left if one not in going and one.kind != "repository"),
    ]


def _removals(
    going: list[Mark], mine: list[Mark], want: Wanted, present: Present, *, repositories: bool
) -> list[Instruction | Stays]:
    kinds = ORDER if repositories else ORDER[:-1]
    others = _Others(present, mine, want.checks)
    return [_removal(one, present, others) for kind in kinds for one in going if one.kind == kind]


def _mine(platform: str, want: Wanted, present: Present) -> list[Mark]:
    """The platform's marks; with its id also what an interrupted apply made last."""
    ids = {(one.kind, one.name): one.id for one in marks.found(present, platform, want)}
    mine = [one for one in marks.read(present) if one.platform == platform]
    return [one if one.id else replace(one, id=ids.get((one.kind, one.name), "")) for one in mine]


def _removal(mark: Mark, present: Present, others: _Others) -> Instruction | Stays:
    there = next((one for one in present.every(mark.kind) if str(one.id) == mark.id), None)
    if there is None:
        return Forget(mark)
    why = others.need(mark, there)
    return Stays(mark.thing, f"it {why}") if why else Remove(mark)


class _Others:
    """What apply did not make, as far as it hangs on what apply made."""

    def __init__(self, present: Present, mine: list[Mark], checks: tuple[Check, ...]) -> None:
        ids = {(one.kind, one.id) for one in mine}
        self._present, self._checks = present, checks
        self._policies = [one for one in present.every("policy") if ("policy", str(one.id)) not in ids]
        self._pipelines = [one for one in present.definitions() if ("pipeline", str(one["id"])) not in ids]

    def need(self, mark: Mark, there: Any) -> str:
        """Why a thing stays that is there; empty where nobody else needs it."""
        if mark.kind in GUARDED and self._guards(GUARDED[mark.kind], there.name):
            return "has a check that apply did not make"
        if mark.kind == "variablegroup" and self._used(there.name):
            return "may be used by a pipeline that apply did not make"
        if mark.kind == "pipeline" and any(
            policy.settings.get("buildDefinitionId") == there.id for policy in self._policies
        ):
            return "is asked for by a branch policy that apply did not make"
        if mark.kind == "repository" and there.id in self._read():
            return "has a pipeline or a branch policy that apply did not make"
        return ""

    def _guards(self, type_: ResourceType, name: str) -> bool:
        of_its_type = [one for one in self._checks if one.resource_type == type_]
        # What is wanted no longer has no checks by name: those of its type are what apply puts on such.
        ours = [one for one in of_its_type if one.resource == name] or of_its_type
        found = self._present.checks(type_, name)
        return any(
            not is_business_hours(one) and not any(is_same(check, one) for check in ours) for one in found
        )

    def _used(self, name: str) -> bool:
        theirs = {one["id"] for one in self._pipelines}
        return bool(theirs & self._present.authorized("variablegroup", name))

    def _read(self) -> set[str]:
        """The ids of the repositories that others' pipelines and policies are about."""
        scopes = [scope for policy in self._policies for scope in policy.settings.get("scope", [])]
        return {str(one.get("repositoryId")) for one in scopes} | {
            str(one["repository"]["id"]) for one in self._pipelines
        }


def _revoked(want: Wanted, present: Present, staying: list[Mark]) -> Iterator[Instruction]:
    """What jobs were let to do in or with what stays of ours, and what they and people were denied."""
    stay = {(one.kind, one.name) for one in staying}
    for one in want.job_rights:
        where = place(one, present)
        if where is None or (one.kind, one.name) not in stay:
            continue
        allow, deny = present.bits(*where, present.build_service())
        if allow & one.bits or deny & one.denied:
            yield RevokeJobs(one)
    for denial in want.denials:
        repository = present.repository(denial.repository)
        if repository is None or ("repository", denial.repository) not in stay:
            continue
        token = present.git_token(repository)
        _, deny = present.bits(GIT_NAMESPACE, token, denied(denial, present))
        if deny & BYPASS:
            yield DenyBypass(denial, lift=True)
