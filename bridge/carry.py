"""Queues a run, once.

The caller holds the pipeline's lease, so that nobody else queues one meanwhile, and hands over the runs
that there are. The memory table remembers for a month the latest run about each thing, and its moment. A
Lambda that died between asking Azure DevOps for a run and remembering it left a run that carries the key, so
the runs are looked through before one is queued.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge import memory
from bridge.azure import azure_devops
from bridge.run import Queued, Run
from bridge.trace import Hop

# Longer than SQS keeps a message, dead letters included.
REMEMBER_SECONDS = 30 * 24 * 3600


def once(run: Run, runs: Sequence[Queued]) -> Hop:
    """Queue the run unless it is among `runs` or was queued before; raises where that could not be done."""
    name = f"run#{run.about}"
    moment, _, before = memory.recall(name).partition(" ")
    if moment >= run.moment:
        return _hop("deduplicated", before, run)
    found = next((one for one in runs if one.covers(run)), None)
    run_id = found.id if found else azure_devops().queue_run(run)
    memory.keep(name, f"{run.rank[0]} {run_id}", REMEMBER_SECONDS)
    # A run for this very event was made by an attempt that died before it could say so: it is said now.
    made = found is None or found.correlation_id == run.parameters["correlationId"]
    return _hop("queued" if made else "deduplicated", run_id, run)


def _hop(name: str, run_id: str, run: Run) -> Hop:
    return Hop(name, {"run_id": run_id, "pipeline": run.pipeline})
