"""`python -m isthmus.local.azure_devops [--port N | --fd N] --state DIR --config FILE`."""

from __future__ import annotations

import logging
import socket
import sys
from pathlib import Path

import click
import uvicorn

from isthmus.local import ports
from isthmus.local.azure_devops import settings
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.recording import recorded
from isthmus.local.azure_devops.server import build
from isthmus.local.stand_in import telling


class _Server(uvicorn.Server):
    """Says on standard output when it serves, as whoever started it waits for."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            print(f"ready http://127.0.0.1:{one.getsockname()[1]}", flush=True)


@click.command()
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--fd", type=int, help="A bound socket that is handed over, instead of a port.")
@click.option("--state", type=click.Path(path_type=Path), required=True)
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
def main(port: int, fd: int | None, state: Path, config: Path) -> None:
    """Serve Azure DevOps and Entra on 127.0.0.1 until SIGTERM."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    state.mkdir(parents=True, exist_ok=True)
    with telling():
        listening = ports.bound(port) if fd is None else ports.inherited(fd)
        url = f"http://127.0.0.1:{ports.number(listening)}"
        organization = Organization(settings.read(config), state.resolve(), url)
    with listening:
        listening.listen(2048)
        options = uvicorn.Config(
            recorded(build(organization)),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
        )
        _Server(options).run(sockets=[listening])


if __name__ == "__main__":
    main()
