"""Whether what a run ran was merged: who queues a run names its commits, and branch control sees branches."""

from __future__ import annotations

from isthmus.azure.client import Client
from isthmus.azure.resources import MAIN
from isthmus.azure.runs import Run, pipeline_id
from isthmus.errors import NotFound


def unmerged(client: Client, run: Run) -> list[str]:
    """The commits of a run's repositories, templates' too, that are not on their main: a line for each.

    A commit that can no longer be found was not merged either. Raises `NotFound` for a pipeline that is gone.
    """
    path = f"pipelines/{pipeline_id(client, run.pipeline)}/runs/{run.id}"
    used = client.get(path)["resources"]["repositories"]
    return [
        f"run {run.id} ran commit {one['version'][:9]} of {alias}, which is not on main"
        for alias, one in sorted(used.items())
        if not _is_merged(client, one["repository"]["id"], one["version"])
    ]


def _is_merged(client: Client, repository: str, commit: str) -> bool:
    """Whether the newest commit that main shares with this one is this one."""
    sides = {"baseVersion": MAIN.removeprefix("refs/heads/"), "targetVersion": commit}
    types = {"baseVersionType": "branch", "targetVersionType": "commit"}
    path = f"git/repositories/{repository}/diffs/commits"
    try:
        return bool(client.get(path, **sides, **types)["commonCommit"] == commit)
    except NotFound:
        return False
