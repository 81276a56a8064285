"""The champion as a job's input: the model artifact of the version in prod, or a marker for none."""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

from isthmus.container.evaluation import Champion

# The object that stands in the champion's place before there is one: SageMaker refuses an empty prefix.
NONE = "none"
ARN_FILE = "model-package-arn"


def read_champion(folder: Path) -> Champion | None:
    """The champion in `folder` (`model.tar.gz` and `model-package-arn`), or None where the marker lies."""
    artifact = folder / "model.tar.gz"
    if not artifact.exists():
        return None
    import joblib

    unpacked = Path(tempfile.mkdtemp(prefix="champion-"))
    with tarfile.open(artifact) as archive:
        archive.extractall(unpacked, filter="data")
    sys.path.append(str(unpacked / "code"))
    rows = json.loads((unpacked / "metadata.json").read_text())["rows"]
    arn = (folder / ARN_FILE).read_text().strip()
    return Champion(arn, joblib.load(unpacked / "model.joblib"), rows)
