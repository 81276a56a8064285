"""Stages, as they are written."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.conditions import read_condition
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, opened, seeing
from isthmus.local.pipelines.jobs import as_spelt, read_jobs, read_pool
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Plain, broken
from isthmus.local.pipelines.plan import Stage
from isthmus.local.pipelines.runtime import JOB_CONTEXTS
from isthmus.local.pipelines.templating import Part
from isthmus.local.pipelines.variables import read_variables

KEYS = (
    "stage",
    "group",
    "displayName",
    "pool",
    "dependsOn",
    "condition",
    "variables",
    "jobs",
    "lockBehavior",
    "trigger",
    "isSkippable",
    "templateContext",
    "checks",
)
Lock = Literal["sequential", "runLatest", ""]
LOCKS: tuple[Lock, ...] = ("sequential", "runLatest", "")


def read_stages(part: Part, base: Scope, library: Library, pool: Plain, lock: Lock) -> tuple[Stage, ...]:
    """Each stage depends on the one before it, unless it says otherwise."""
    found: list[Stage] = []
    for fields in opened(part, base, library, "stages"):
        previous = (found[-1].name,) if found else ()
        with library.notes.noting():
            found.append(_stage(fields, library, pool, lock, previous, len(found) + 1))
    spelt = {stage.name.lower(): stage.name for stage in found}
    return tuple(replace(stage, depends_on=as_spelt(stage.depends_on, spelt)) for stage in found)


def read_lock(fields: Fields, default: Lock = "") -> Lock:
    text = fields.text("lockBehavior", default)
    found: Lock | None = next((lock for lock in LOCKS if lock == text), None)
    if found is None:
        raise broken(f"no lockBehavior {text!r}{did_you_mean(text, LOCKS)}", fields.place("lockBehavior"))
    return found


def _stage(
    fields: Fields, library: Library, pool: Plain, lock: Lock, previous: tuple[str, ...], number: int
) -> Stage:
    if "stage" not in fields:
        written = next(iter(fields.entries), "")
        known = ("stage", "template")
        raise broken(f"not a stage: it begins with {written!r}{did_you_mean(written, known)}", fields.at)
    with library.notes.noting():
        fields.allow("a stage", KEYS)
    variables, scope = read_variables(fields.part("variables"), fields.base, library)
    return Stage(
        name=fields.identifier("stage") or f"Stage{number}",
        at=fields.at,
        display_name=fields.text("displayName"),
        depends_on=fields.names("dependsOn") if "dependsOn" in fields else previous,
        condition=read_condition(fields, library, JOB_CONTEXTS),
        variables=variables,
        jobs=read_jobs(seeing(fields.part("jobs"), scope), scope, library, read_pool(fields) or pool),
        lock_behavior=read_lock(fields, lock),
        is_skippable=fields.flag("isSkippable", True),
        manual=fields.text("trigger") == "manual",
    )
