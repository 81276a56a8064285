"""A change of a checkout, proposed: committed on a branch, pushed, and asked for by a pull request."""

from __future__ import annotations

from pathlib import Path

from isthmus.azure.client import Client
from isthmus.azure.git import git
from isthmus.azure.pull_requests import PullRequest, ensure
from isthmus.errors import BadInput


def propose(client: Client, folder: Path, repository: str, branch: str, title: str) -> PullRequest:
    """Propose what was changed in tracked files; the branch starts anew, and its open request is kept.

    Raises `BadInput` where nothing was changed.
    """
    git(folder, "add", "--update")
    if not git(folder, "diff", "--cached", "--name-only"):
        raise BadInput("nothing was changed, so there is nothing to propose", where=str(folder.resolve()))
    git(folder, "commit", "-q", "-m", title)
    url = f"{client.project_url}/_git/{repository}"
    git(folder, "push", "-q", "--force", url, f"HEAD:refs/heads/{branch}", token=client.token)
    return ensure(client, repository, branch, title)
