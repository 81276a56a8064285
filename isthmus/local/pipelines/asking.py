"""A question on the terminal, which ends as well when the run is cancelled or its time is up."""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable

import click

from isthmus.printable import printable

_LOOK_EVERY = 0.1
Ask = Callable[[str, threading.Event, float | None], bool | None]


def ask(question: str, cancelled: threading.Event, deadline: float | None = None) -> bool | None:
    """Yes or no; None where the run was cancelled, or it is later than `deadline` of `time.monotonic`."""
    while True:
        click.echo(printable(f"{question} [y/N]: "), nl=False)
        line = _line(cancelled, deadline)
        if line is None:
            click.echo()
            return None
        if (said := line.strip().lower()) in ("y", "yes", "n", "no", ""):
            return said in ("y", "yes")


def _line(cancelled: threading.Event, deadline: float | None) -> str | None:
    while not cancelled.is_set() and (deadline is None or time.monotonic() < deadline):
        if select.select([sys.stdin], [], [], _LOOK_EVERY)[0]:
            return sys.stdin.readline()
    return None
