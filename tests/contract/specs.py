"""Where the vendors' specs are: beside the checkout, or where ISTHMUS_SPECS says. They are not everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ABSENT = """\
Nothing that went to or came from Azure DevOps was compared with Microsoft's descriptions, and tests that need
the vendors' specs were skipped: they are not on this machine. ISTHMUS_SPECS names the folder with them; its
azure-devops/ holds the files of https://github.com/MicrosoftDocs/vsts-rest-api-specs, version 7.1, each by
the name of its area (build.json, git.json, ...)."""
_CHECKOUT = Path(__file__).resolve().parents[2]


def find(*parts: str) -> Path | None:
    """A file or folder of the specs, or None on a machine that does not have them."""
    root = Path(os.environ.get("ISTHMUS_SPECS") or _CHECKOUT.parent / "shared" / "specs")
    path = root.joinpath(*parts)
    return path if path.exists() else None


def need(*parts: str) -> Path:
    """A file or folder of the specs; skips the test on a machine that does not have them."""
    path = find(*parts)
    if path is None:
        pytest.skip(f"the vendors' specs ({'/'.join(parts)}) are not on this machine: set ISTHMUS_SPECS")
    return path
