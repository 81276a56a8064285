"""Keeps the runs that brought about what a stage serves for as long as it does: the audit's evidence.

The project's retention deletes runs by their age, and a version may serve for longer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isthmus import names
from isthmus.azure import retention, runs
from isthmus.azure.client import Client
from isthmus.config import Platform, Stage
from isthmus.deploy import comparison
from isthmus.deploy.package import read
from isthmus.errors import Refused


def retain(
    platform: Platform, client: Client, assembly: Path, stage: Stage, number: int, say: Callable[[str], None]
) -> None:
    """Lease this run and the one that built the version, as the job; then free those of what served before.

    Where the version is put beside the one that serves, that one's runs stay kept. Can be taken again.
    Raises `Refused` where jobs may not keep runs.
    """
    package = read(assembly)
    owner = names.lease_owner(platform, package.model, stage)
    built = package.metadata.get("run_id", "")
    kept = [runs.get(client, number)]
    if build := runs.find(client, built):
        kept.append(build)
    else:
        say(f"the run that built the version is gone: {built or 'none is recorded'}")
    try:
        new = retention.keep(client, owner, kept)
    except Refused as refusal:
        todo = (
            "have an administrator give `isthmus azure apply`, which lets jobs keep runs; then rerun the job"
        )
        raise Refused(refusal.what, where=refusal.where, todo=todo) from None
    for one in new:
        say(f"run {one} is kept for as long as the version serves {stage}")
    if stage == comparison.STAGE and comparison.read(assembly):
        return
    for one in retention.let_go(client, owner, but=kept):
        say(f"run {one} is no longer kept: what it was for serves {stage} no more")
