"""Leases on runs: by them runs outlive what the project's retention says, for as long as somebody owns one.

https://learn.microsoft.com/azure/devops/pipelines/build/run-retention
"""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.azure.client import Client
from isthmus.azure.runs import Run

LEASES = "build/retention/leases"
VERSION = "7.1-preview.2"
# "A retention lease valid for more than 100 years (36500 days) will display as retaining the build forever".
FOR_EVER_DAYS = 36501


def held(client: Client, owner: str) -> dict[int, int]:
    """The owner's leases: the number of the run, and that of its lease."""
    found = client.get(LEASES, version=VERSION, ownerId=owner)["value"]
    return {one["runId"]: one["leaseId"] for one in found}


def keep(client: Client, owner: str, runs: Sequence[Run]) -> list[int]:
    """Have the owner hold a lease on each run, and its pipeline; returns the runs that none was held on."""
    there = held(client, owner)
    new = [one for one in runs if one.id not in there]
    if new:
        client.post(LEASES, [_lease(owner, one) for one in new], version=VERSION)
    return [one.id for one in new]


def let_go(client: Client, owner: str, *, but: Sequence[Run]) -> list[int]:
    """Free the owner's leases on all runs but these; returns the runs."""
    kept = {one.id for one in but}
    gone = {run: lease for run, lease in held(client, owner).items() if run not in kept}
    if gone:
        client.delete(LEASES, version=VERSION, ids=",".join(map(str, gone.values())))
    return list(gone)


def _lease(owner: str, run: Run) -> dict[str, object]:
    return {
        "daysValid": FOR_EVER_DAYS,
        "definitionId": run.definition,
        "ownerId": owner,
        "protectPipeline": True,
        "runId": run.id,
    }
