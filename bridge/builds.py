"""Runs that train a model: queued once."""

from __future__ import annotations

from bridge import carry, lease
from bridge.azure import azure_devops
from bridge.run import Run
from bridge.trace import Hop


def queue(run: Run) -> Hop:
    """What becomes of a wish for a build."""
    with lease.held(run.pipeline):
        return carry.once(run, azure_devops().runs(run.pipeline))
