"""`python -m isthmus.local.aws [--port N | --fd N] --state DIR --config FILE`: the local AWS, until SIGTERM.

Prints `ready <url>` on standard output when it answers. ministack reads its settings from the environment
while it is imported, so they are set before anything imports it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from isthmus.local import ports
from isthmus.local.aws.settings import Settings
from isthmus.local.stand_in import telling


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m isthmus.local.aws")
    parser.add_argument("--port", type=int, default=0, help="0, the default, finds a free one")
    parser.add_argument("--fd", type=int, help="a bound socket that is handed over, instead of a port")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    with telling():
        fd = arguments.fd
        listening = ports.bound(arguments.port) if fd is None else ports.inherited(fd)
        settings = Settings.read(arguments.config, arguments.state.resolve(), listening)
        os.environ.update(settings.environment_of_ministack())
        from isthmus.local.aws import server

        server.serve(settings)
    sys.exit(0)


main()
