"""What prod serves, as the runs of the deploy pipeline tell it: for who has no credential of AWS.

The stage prod publishes an artifact `prod-<attempt>` as soon as its endpoint serves the run's version; the
figures of that version are in the run's artifact `assembly`.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.azure import runs
from isthmus.azure.client import Client
from isthmus.azure.runs import Run
from isthmus.errors import NotFound, Refused, Unavailable

SERVED, ASSEMBLY = "prod-", "assembly"
# Where Azure DevOps keeps artifacts beside its own host; nobody else is shown the token.
HOSTS = (".dev.azure.com", ".visualstudio.com")


def fetch(client: Client, pipeline: str, folder: Path) -> Run | None:
    """Lay the figures of what prod serves in `folder`; the run that brought it, or None where none has.

    Raises `NotFound` where there is no such pipeline, or the run's figures are no longer kept.
    """
    for run in runs.every(client, pipeline):
        if run.branch == "main" and any(name.startswith(SERVED) for name in _artifacts(client, run)):
            _lay(client, run, folder)
            return run
    return None


def _lay(client: Client, run: Run, folder: Path) -> None:
    """The files of the run's assembly, not its folders; nothing that the archive says is a path."""
    artifact = _artifacts(client, run).get(ASSEMBLY)
    if artifact is None:
        raise NotFound(f"run {run.id} has its artifact {ASSEMBLY} no more", where=run.url)
    url = str(artifact["resource"]["downloadUrl"])
    _require_trust(client, url)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as file:
        file.write(client.content(url))
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            raise Unavailable("Azure DevOps gave an artifact that is no archive", where=url) from None
        for member in archive.infolist():
            inner = member.filename.split("/")
            if len(inner) <= 2 and not member.is_dir():
                (folder / Path(inner[-1]).name).write_bytes(archive.read(member))


def _artifacts(client: Client, run: Run) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in client.get(f"build/builds/{run.id}/artifacts")["value"]}


def _require_trust(client: Client, url: str) -> None:
    ours = url.startswith(f"{client.organization_url}/")
    host = urlsplit(url)
    if not ours and not (host.scheme == "https" and (host.hostname or "").endswith(HOSTS)):
        raise Refused("the artifact lies at a host that is not Azure DevOps': it gets no token", where=url)
