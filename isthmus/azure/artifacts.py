"""What runs published, as the zip archives that Azure DevOps gives of it."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.azure.client import Client
from isthmus.azure.runs import Run
from isthmus.errors import NotFound, Refused, Unavailable

# Where Azure DevOps keeps artifacts beside its own host; nobody else is shown the token.
HOSTS = (".dev.azure.com", ".visualstudio.com")


def named(client: Client, run: Run) -> dict[str, dict[str, Any]]:
    """The artifacts of a run by name."""
    return {one["name"]: one for one in client.get(f"build/builds/{run.id}/artifacts")["value"]}


def lay(client: Client, run: Run, name: str, folder: Path) -> None:
    """Lay an artifact's files in `folder`; a path of the archive that leads out of it is none.

    Raises `NotFound` where the run has it no more.
    """
    artifact = named(client, run).get(name)
    if artifact is None:
        raise NotFound(f"run {run.id} has its artifact {name} no more", where=run.url)
    url = str(artifact["resource"]["downloadUrl"])
    _require_trust(client, url)
    with tempfile.TemporaryFile() as file:
        file.write(client.content(url))
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            raise Unavailable("Azure DevOps gave an artifact that is no archive", where=url) from None
        for member in archive.infolist():
            # The first is the artifact's own name.
            inner = member.filename.split("/")[1:]
            if inner and not {"", ".", ".."} & set(inner):
                target = folder.joinpath(*inner)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))


def _require_trust(client: Client, url: str) -> None:
    ours = url.startswith(f"{client.organization_url}/")
    host = urlsplit(url)
    if not ours and not (host.scheme == "https" and (host.hostname or "").endswith(HOSTS)):
        raise Refused("the artifact lies at a host that is not Azure DevOps': it gets no token", where=url)
