"""Where SageMaker puts things under /opt/ml, and where it is told otherwise.

`ISTHMUS_OPT_ML` stands in for /opt/ml where a process cannot be given a file system of its own. The SM_*
variables are those of SageMaker's training toolkit.
"""

from __future__ import annotations

import os
from pathlib import Path


def opt_ml(*parts: str) -> Path:
    """A path under /opt/ml."""
    return Path(os.environ.get("ISTHMUS_OPT_ML", "/opt/ml"), *parts)


def channel(name: str) -> Path:
    """The folder of a training job's input channel."""
    return Path(os.environ.get(f"SM_CHANNEL_{name.upper()}") or opt_ml("input", "data", name))


def model_dir() -> Path:
    """Where training leaves the model, and serving finds it."""
    return Path(os.environ.get("SM_MODEL_DIR") or opt_ml("model"))


def processing(*parts: str) -> Path:
    """A path under /opt/ml/processing."""
    return opt_ml("processing", *parts)


def failure(message: str) -> None:
    """Leave the reason of a failure where SageMaker reads it, cut to its 1,024 characters."""
    file = opt_ml("output", "failure")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(message[:1024])
