"""Git's own command, signed in to Azure Repos by a token that no list of processes shows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from isthmus.azure.client import authorization
from isthmus.errors import Refused

AUTHOR = "Isthmus"
EMAIL = "isthmus@platform.example"
# Git tells its hooks where they are: what a hook starts would take any folder for that repository.
OF_A_HOOK = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
_WHO = {"NAME": AUTHOR, "EMAIL": EMAIL}


def git(folder: Path, *arguments: str, token: str = "") -> str:
    """What git says in that folder; raises `Refused` with its complaint. Commits are ours, by name."""
    identity = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in _WHO.items()}
    env = os.environ | identity | {"GIT_TERMINAL_PROMPT": "0"}
    if token:
        env |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {authorization(token)}",
        }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={name: value for name, value in env.items() if name not in OF_A_HOOK},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(folder))
    return done.stdout


def said(folder: Path, *arguments: str) -> str:
    """The same without its last end of line; nothing where git has nothing to say, or is not there."""
    try:
        return git(folder, *arguments).removesuffix("\n")
    except (Refused, OSError):
        return ""
