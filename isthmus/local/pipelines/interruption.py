"""Ctrl-C while a run goes on: once cancels it, twice leaves at once."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

CODE = 130
# `timeout` and some shells signal the process and its group: that is one wish, not two.
_SAME_WISH = 0.5


@contextmanager
def cancelling(cancelled: threading.Event, folder: Path) -> Iterator[None]:
    """Within, a signal sets `cancelled`; a later one removes `folder` and ends this process.

    Whatever steps still run then end with it. A handler, for an exception might come while one is handled.
    """
    first = 0.0

    def on_signal(number: int, _frame: object) -> None:
        nonlocal first
        if not cancelled.is_set():
            first = time.monotonic()
            cancelled.set()
            click.echo("cancelling; Ctrl-C again to leave at once", err=True)
        elif number == signal.SIGINT and time.monotonic() - first > _SAME_WISH:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(CODE)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
