"""A data scientist's change: an ordinary clone, commit and push over HTTP, signed in by the environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from isthmus.errors import Problem

AUTHOR = ["-c", "user.name=Dana Scientist", "-c", "user.email=dana@contoso.example"]


def push_branch(url: str, folder: Path, branch: str, message: str, line: str) -> None:
    """Clone `url` into `folder`, add a line to its README.md, and push that as a branch."""
    _git(["clone", "--quiet", url, str(folder)], folder.parent)
    with (folder / "README.md").open("a") as readme:
        readme.write(f"\n{line}\n")
    _git(["checkout", "--quiet", "-b", branch], folder)
    _git(["add", "README.md"], folder)
    _git([*AUTHOR, "commit", "--quiet", "-m", message], folder)
    _git(["push", "--quiet", "origin", branch], folder)


def _git(arguments: list[str], folder: Path) -> None:
    """Run git without the machine's configuration; raises `Problem` with what it said."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | alone, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Problem(f"git {' '.join(arguments[:1])} failed: {done.stderr.strip()}")
