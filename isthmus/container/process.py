"""`process steps/prepare.py …` or `process -m module …`: the entry point of processing jobs."""

from __future__ import annotations

import sys

from isthmus.container.paths import processing
from isthmus.container.script import run


def main() -> None:
    sys.exit(run(processing("input", "code"), sys.argv[1:]))
