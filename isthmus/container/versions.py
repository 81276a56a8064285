"""The champion as a job's input, and what it predicts for rows that it was not trained on.

The input holds the artifact of the version in prod and what its own evaluation predicted; or a marker.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isthmus.container.archive import unpack
from isthmus.container.artifact import Metadata, read_metadata
from isthmus.container.evaluation import FEWEST_NEW_ROWS, Rival
from isthmus.container.tabular import fingerprint

if TYPE_CHECKING:
    import pandas as pd

# The object that stands in the champion's place before there is one: SageMaker refuses an empty prefix.
NONE = "none"
ARN_FILE = "model-package-arn"
# The column of held-out rows that holds what the champion predicts for them.
CHAMPION = "champion_prediction"
RECORD = ("evaluation.json", "predictions.csv")


@dataclass(frozen=True)
class Champion:
    """The version to beat: its unpacked artifact, and what its evaluation predicted from row `start` on."""

    model_package_arn: str
    folder: Path
    metadata: Metadata
    start: int
    recorded: np.ndarray


def read_champion(folder: Path) -> Champion | None:
    """The champion in `folder`, or None where the marker lies."""
    artifact = folder / "model.tar.gz"
    if not artifact.exists():
        return None
    import pandas as pd

    unpacked = Path(tempfile.mkdtemp(prefix="champion-"))
    unpack(artifact, unpacked)
    evaluation = json.loads((folder / RECORD[0]).read_text())
    recorded = pd.read_csv(folder / RECORD[1])["prediction"].to_numpy()
    arn = (folder / ARN_FILE).read_text().strip()
    return Champion(arn, unpacked, read_metadata(unpacked), evaluation["first_judged_row"], recorded)


def rival(champion: Champion | None, frame: pd.DataFrame, start: int) -> Rival | None:
    """What the champion predicts for the rows of `frame` from `start` on, never for rows it learned from.

    Rows that it knew are taken from its own evaluation, rows that are new are asked of its artifact. Where
    the rows that it was trained on have changed, nobody can tell which it knew, and all are asked: that may
    favour the champion, never the challenger.
    """
    if champion is None:
        return None
    arn, known = champion.model_package_arn, champion.metadata.rows
    try:
        asked = _ask(champion, frame[start:])
    except LookupError as error:
        return Rival(arn, start, np.empty(0), str(error))
    if not _grown(champion.metadata, frame) or start >= known:
        return Rival(arn, start, asked)
    if start < champion.start and len(frame) - known >= FEWEST_NEW_ROWS:
        return Rival(arn, known, asked[known - start :])
    first = max(start, champion.start)
    return Rival(
        arn, first, np.concatenate([champion.recorded[first - champion.start :], asked[known - start :]])
    )


def _grown(metadata: Metadata, frame: pd.DataFrame) -> bool:
    """Whether the champion's rows are still the first ones, unchanged."""
    if len(frame) < metadata.rows or not set(metadata.columns) <= set(frame.columns):
        return False
    return fingerprint(frame[: metadata.rows], metadata.columns) == metadata.fingerprint


def _ask(champion: Champion, rows: pd.DataFrame) -> np.ndarray:
    """The champion's predictions by its own code; raises `LookupError` saying why it has none."""
    import pandas as pd

    missing = [name for name in champion.metadata.features if name not in rows.columns]
    if missing:
        raise LookupError(f"it needs the column {missing[0]!r}, which the data no longer have")
    asked, answered = champion.folder / "rows.csv", champion.folder / "answers.csv"
    rows[list(champion.metadata.features)].to_csv(asked, index=False)
    done = subprocess.run(
        [sys.executable, "-m", "isthmus.container.predict", str(champion.folder), str(asked), str(answered)],
        cwd=champion.folder / "code",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise LookupError("it no longer runs: " + (done.stderr.strip().splitlines() or ["no message"])[-1])
    return pd.read_csv(answered, header=None)[0].to_numpy()


def features_of_champion(folder: Path) -> list[str]:
    """The columns that the champion needs, so that the prepare step keeps them."""
    artifact = folder / "model.tar.gz"
    if not artifact.exists():
        return []
    with tarfile.open(artifact) as archive:
        member = archive.extractfile("metadata.json")
        return list(json.load(member)["features"]) if member else []
