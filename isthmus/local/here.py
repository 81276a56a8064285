"""Which local platform a command in this folder means, and as whom; known here and nowhere else.

Cheap to import: commands ask before anything else is loaded.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.local.platform import Local

# Beside platform.yaml, so that each checkout has a platform of its own and nothing lies outside it.
HOME = Path(".isthmus")
UP = HOME / "up"
DEMO = HOME / "demo"
CLOUDS = "clouds"
# What `isthmus up` keeps, and what a demo left: `isthmus up --demo` goes on with that.
STATES = (UP, DEMO / CLOUDS)
# Who one is where nobody says: somebody who may approve.
USER = "robin"
# Whoever says one of these has said which clouds are meant.
CHOSEN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AZURE_DEVOPS_TOKEN",
    "TF_BUILD",
)


def running() -> Local:
    """The local platform that runs in this folder; raises `NotFound` when none does."""
    from isthmus.errors import NotFound
    from isthmus.local.platform import find

    found = [local for state in STATES if (local := find(state))]
    if not found:
        raise NotFound("no local platform is running here", todo="start one in another terminal: isthmus up")
    return found[0]


def adopt() -> None:
    """Where the environment names no clouds and a local platform runs here, talk to that, and say so."""
    if not _is_unclear():
        return
    from isthmus.local.identity import variables

    local = running()
    named = {name: os.environ[name] for name in ("ISTHMUS_PLATFORM",) if name in os.environ}
    os.environ.update(variables(local, USER) | named)
    print(f"(the local platform in {HOME}, as {USER}: {local.organization_url})", file=sys.stderr)


def refuse_to_guess() -> None:
    """Where the environment names no clouds and a local platform runs here, change neither it nor others."""
    if not _is_unclear():
        return
    from isthmus.errors import Refused

    raise Refused(
        "the environment does not say which clouds are meant, and a local platform runs in this folder",
        where=str(HOME),
        todo='for the local one: eval "$(isthmus env)"; for your own: name it, such as by AWS_PROFILE',
    )


def _is_unclear() -> bool:
    if any(os.environ.get(name) for name in CHOSEN):
        return False
    if not any((state / "running.json").exists() for state in STATES):
        return False
    from isthmus.local.platform import find

    return any(find(state) for state in STATES)


def platform_file() -> Path:
    """The platform.yaml that is named or lies in this folder, else the example of the checkout."""
    from isthmus.azure.contents import CHECKOUT
    from isthmus.config import platform_path

    named = platform_path()
    if named.exists() or os.environ.get("ISTHMUS_PLATFORM"):
        return named
    return CHECKOUT / named
