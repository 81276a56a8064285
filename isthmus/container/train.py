"""`train`: the entry point of training jobs; runs `steps/train.py` of the channel `code`."""

from __future__ import annotations

import sys

from isthmus.container.paths import channel
from isthmus.container.script import run


def main() -> None:
    sys.exit(run(channel("code"), ["steps/train.py"]))
