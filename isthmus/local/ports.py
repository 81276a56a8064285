"""Which ports the local clouds listen on: those that were asked for, those of last time, or free ones."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

from isthmus.errors import BadInput, Unavailable
from isthmus.local import files

FILE = "ports.json"
Ports = tuple[int, int]


def choose(state: Path, aws: int, azure: int) -> Ports:
    """The ports of AWS and Azure DevOps; 0 asks for that of last time, so that kept URLs stay true, or any.

    Raises `BadInput` where both are the same, `Unavailable` where one that was asked for is taken.
    """
    if aws and aws == azure:
        raise BadInput(f"--aws-port and --azure-port are both {aws}", todo="name two ports, or none")
    before = _before(state)
    first = _asked(aws) if aws else _free(before[0], azure)
    second = _asked(azure) if azure else _free(before[1], first)
    files.write(state / FILE, json.dumps([first, second]).encode())
    return first, second


def _before(state: Path) -> Ports:
    with contextlib.suppress(OSError, ValueError):
        match json.loads((state / FILE).read_text()):
            case [int(aws), int(azure)]:
                return aws, azure
    return 0, 0


def _asked(port: int) -> int:
    try:
        return _bound(port)
    except (OSError, OverflowError) as error:
        raise Unavailable(
            f"port {port} cannot be used: {error}", todo="name another, or none to have a free one found"
        ) from None


def _free(port: int, taken: int) -> int:
    """`port` where it is free, else any; never `taken`."""
    with contextlib.suppress(OSError, OverflowError):
        if port and port != taken:
            return _bound(port)
    while (found := _bound(0)) == taken:
        pass
    return found


def _bound(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        number: int = probe.getsockname()[1]
        return number
