"""What prod serves, as the runs of the deploy pipeline tell it: for who has no credential of AWS.

The stage prod publishes an artifact `prod-<attempt>` as soon as its endpoint serves the run's version; the
figures of that version are in the run's artifact `assembly`.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.azure import artifacts, runs
from isthmus.azure.client import Client
from isthmus.azure.runs import Run

SERVED, ASSEMBLY = "prod-", "assembly"


def fetch(client: Client, pipeline: str, folder: Path) -> Run | None:
    """Lay the figures of what prod serves in `folder`; the run that brought it, or None where none has.

    Raises `NotFound` where there is no such pipeline, or the run's figures are no longer kept.
    """
    for run in runs.every(client, pipeline):
        if run.branch == "main" and any(name.startswith(SERVED) for name in artifacts.named(client, run)):
            artifacts.lay(client, run, ASSEMBLY, folder)
            return run
    return None
