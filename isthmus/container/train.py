"""`train`: the entry point of training jobs; runs `steps/train.py` of the channel `code`."""

from __future__ import annotations

import sys

from isthmus.container.paths import channel, failure, model_dir
from isthmus.container.script import run

SCRIPT = "steps/train.py"


def main() -> None:
    sys.exit(run(channel("code"), [SCRIPT]) or _require_model())


def _require_model() -> int:
    """SageMaker would take an empty folder for a model, and register it."""
    if any(file.is_file() for file in model_dir().rglob("*")):
        return 0
    reason = f"{SCRIPT} left no model: write it to SM_MODEL_DIR, {model_dir()}"
    print(reason, file=sys.stderr)
    failure(reason)
    return 1
