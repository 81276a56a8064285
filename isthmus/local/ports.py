"""Which ports the local clouds listen on: those that were asked for, those of last time, or free ones.

A port is bound from its choice on, and its socket handed to the process that serves: nobody can come between.
"""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

from isthmus import files
from isthmus.errors import BadInput, Unavailable

FILE = "ports.json"
# The protocol is named, for asyncio turns Nagle's delay (40 ms an answer) off only where it is.
KIND = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
Sockets = tuple[socket.socket, socket.socket]


def choose(state: Path, aws: int, azure: int) -> Sockets:
    """Bound, of AWS and Azure DevOps; 0 asks for the port of last time, so that kept URLs stay true, or any.

    Raises `BadInput` where both are the same, `Unavailable` where one that was asked for is taken.
    """
    if aws and aws == azure:
        raise BadInput(f"--aws-port and --azure-port are both {aws}", todo="name two ports, or none")
    before = _before(state)
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(bound(aws) if aws else _free(before[0], azure))
        second = opened.enter_context(bound(azure) if azure else _free(before[1], number(first)))
        files.write(state / FILE, json.dumps([number(first), number(second)]).encode())
        opened.pop_all()
    return first, second


def bound(port: int) -> socket.socket:
    """Bound to 127.0.0.1, not listening yet; raises `Unavailable` where the port is taken, or none."""
    try:
        return _bound(port)
    except (OSError, OverflowError) as error:
        raise Unavailable(
            f"port {port} cannot be used: {error}", todo="name another, or none to have a free one found"
        ) from None


def inherited(fd: int) -> socket.socket:
    """What `bound` made in the process that started this one, and handed over."""
    return socket.socket(*KIND, fileno=fd)


def number(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


def _before(state: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError, ValueError):
        match json.loads((state / FILE).read_text()):
            case [int(aws), int(azure)]:
                return aws, azure
    return 0, 0


def _free(port: int, taken: int) -> socket.socket:
    """Of `port` where it is free, else of any; never of `taken`."""
    if port and port != taken:
        with contextlib.suppress(OSError, OverflowError):
            return _bound(port)
    while number(found := _bound(0)) == taken:
        found.close()
    return found


def _bound(port: int) -> socket.socket:
    made = socket.socket(*KIND)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
    except BaseException:
        made.close()
        raise
    return made
