"""Runs a model-build repository's steps as jobs do: the image's programs over a folder that is /opt/ml."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

MODEL_BUILD = Path(__file__).parents[2] / "model-build"
PROGRAMS = Path(sys.executable).parent


@dataclass
class Version:
    """What one run of the three steps left."""

    prepared: Path
    baseline: Path
    model: Path
    evaluation: Path

    @property
    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.evaluation / "evaluation.json").read_text())
        return found


@dataclass
class Failed(Exception):
    """A job that failed: its log, and the reason that it left for SageMaker."""

    log: str
    reason: str


@dataclass
class Repository:
    """A team's repository with other data and another model.yaml; steps and serving are `source`'s."""

    folder: Path
    config: dict[str, Any]
    source: Path = MODEL_BUILD
    count: int = field(default=0)

    def __post_init__(self) -> None:
        code = self.folder / "code"
        for name in ("steps", "serving"):
            shutil.copytree(self.source / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
        (code / "model.yaml").write_text(yaml.safe_dump(self.config))

    def version(self, *data: pd.DataFrame, champion: Version | None = None) -> Version:
        """Prepare, train and evaluate on these files' rows, the oldest file first."""
        self.count += 1
        landed = self.folder / f"data-{self.count}"
        landed.mkdir()
        for number, frame in enumerate(data):
            frame.to_csv(landed / f"{number:04d}-rows.csv", index=False)
        prior = self.champion(champion)
        inputs = {"data": landed, "champion": prior}
        out = self.job(["process", "steps/prepare.py"], inputs) / "processing" / "output"
        trained = self.job(["train"], {"prepared": out / "prepared"}) / "model"
        model = self.folder / f"model-{self.count}"
        model.mkdir()
        with tarfile.open(model / "model.tar.gz", "w:gz") as archive:
            for file in sorted(trained.iterdir()):
                archive.add(file, file.name)
        inputs = {"prepared": out / "prepared", "model": model, "champion": prior}
        judged = self.job(["process", "steps/evaluate.py"], inputs) / "processing" / "output" / "evaluation"
        return Version(out / "prepared", out / "baseline", trained, judged)

    def champion(self, version: Version | None) -> Path:
        """The champion as `isthmus build run` lays it out."""
        folder = self.folder / f"champion-{self.count}"
        folder.mkdir()
        if version is None:
            (folder / "none").write_text("none\n")
            return folder
        with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
            for file in sorted(version.model.iterdir()):
                archive.add(file, file.name)
        (folder / "model-package-arn").write_text("arn:champion\n")
        for name in ("evaluation.json", "predictions.csv"):
            shutil.copy(version.evaluation / name, folder)
        return folder

    def job(self, program: list[str], inputs: Mapping[str, Path]) -> Path:
        """Run one program of the image to its end; returns its /opt/ml. Raises `Failed`."""
        opt_ml = self.folder / f"{self.count}-{Path(program[-1]).stem}"
        place = opt_ml / ("input/data" if program == ["train"] else "processing/input")
        for name, source in {"code": self.folder / "code", **inputs}.items():
            shutil.copytree(source, place / name)
        (opt_ml / "model").mkdir()
        done = subprocess.run(
            [str(PROGRAMS / program[0]), *program[1:]],
            env={**os.environ, "ISTHMUS_OPT_ML": str(opt_ml)},
            cwd=opt_ml,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = opt_ml / "output" / "failure"
            raise Failed(done.stdout + done.stderr, reason.read_text() if reason.exists() else "")
        return opt_ml
