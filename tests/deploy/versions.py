"""A version of the model as the registry and the artifacts hold it, small enough to serve in a second."""

from __future__ import annotations

import io
import json
import math
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from isthmus.config import Platform
from isthmus.container.versions import CHAMPION
from isthmus.monitor.baseline import write_baseline
from isthmus.names import artifact_bucket

MODEL = "seattle-rain"
FEATURES = {"wind": "number", "season": "text"}
TARGET = "rain_tomorrow"
INFERENCE = """
import json, math
def features(folder):
    return json.loads((folder / "metadata.json").read_text())["features"]
def model_fn(folder):
    return float((folder / "slope").read_text())
def predict_fn(frame, slope):
    return [(1 + math.tanh(slope * wind / 2)) / 2 for wind in frame["wind"].fillna(0.0)]
"""

# Versions that pass every check before they serve.
CANNOT_START = INFERENCE.replace("return float(", "raise ValueError('no such slope') or float(")
FAILS = INFERENCE.replace("    return [(1", "    raise ZeroDivisionError('always')\n    return [(1")
# Callers are told so much of a failure: no other version fails like this.
FAILURE = "the model failed: ZeroDivisionError"


@dataclass(frozen=True)
class Version:
    """The files of a version. Its model says how likely rain is from the wind alone."""

    slope: float = 1.0
    rows: int = 80
    inference: str = INFERENCE
    facets: tuple[str, ...] = ()
    threshold: float = 0.6
    # Of how many rows the version in prod knows the truth; None where none is in prod.
    champion_right: float | None = None
    # So many rows have no season.
    without_season: int = 0
    cut: int = 0
    metric: str = "auc"
    # A file that its training did not leave.
    lacks: str = ""

    def predict(self, wind: float) -> float:
        return (1 + math.tanh(self.slope * wind / 2)) / 2

    def held_out(self) -> pd.DataFrame:
        winds = [(row - self.rows / 2) * 8 / self.rows for row in range(self.rows)]
        seasons = ["wet" if row % 3 else "dry" for row in range(self.rows)]
        rain = [int(wind + math.sin(7 * wind) > 0) for wind in winds]
        found = pd.DataFrame(
            {
                "wind": winds,
                "season": [None] * self.without_season + seasons[self.without_season :],
                TARGET: rain,
                "prediction": [self.predict(wind) for wind in winds],
            }
        )
        if self.champion_right is None:
            return found
        right = [row % 10 < 10 * self.champion_right for row in range(self.rows)]
        known = [0.05 + 0.9 * (was if knows else 1 - was) for was, knows in zip(rain, right, strict=True)]
        return found.assign(**{CHAMPION: known})

    def evaluation(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "value": 0.92,
            "ci_low": 0.85,
            "ci_high": 0.97,
            "confidence": 0.95,
            "higher_is_better": True,
            "classes": [0, 1],
            "features": list(FEATURES),
            "facets": list(self.facets),
            "target": TARGET,
            "threshold": self.threshold,
            "champion": None
            if self.champion_right is None
            else {"model_package_arn": f"arn:aws:sagemaker:eu-central-1:1:model-package/{MODEL}/7"},
        }

    def write_evidence(self, folder: Path) -> None:
        """What the gates read: evaluation.json, holdout.csv and baseline.json."""
        (folder / "evaluation.json").write_text(json.dumps(self.evaluation()))
        self.held_out().to_csv(folder / "holdout.csv", index=False)
        write_baseline(self.held_out(), folder, features=list(FEATURES), target=TARGET)
        if self.lacks:
            (folder / self.lacks).unlink()

    def artifact(self) -> bytes:
        files = {
            "metadata.json": json.dumps({"features": FEATURES}),
            "slope": str(self.slope),
            "code/serving/__init__.py": "",
            "code/serving/inference.py": self.inference,
        }
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        return archive.getvalue()[: -self.cut or None]

    def register(
        self, s3: Any, sagemaker: Any, platform: Platform, image: str, folder: Path, model: str = MODEL
    ) -> str:
        """Upload it and register it, pending approval; returns its ARN."""
        bucket, prefix = artifact_bucket(platform), f"{model}/runs/{folder.name}"
        self.write_evidence(folder)
        for file in folder.iterdir():
            s3.put_object(Bucket=bucket, Key=f"{prefix}/evidence/{file.name}", Body=file.read_bytes())
        s3.put_object(Bucket=bucket, Key=f"{prefix}/model.tar.gz", Body=self.artifact())
        evidence = f"s3://{bucket}/{prefix}/evidence"
        answer = sagemaker.create_model_package(
            ModelPackageGroupName=model,
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": f"s3://{bucket}/{prefix}/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties={
                "evaluation_uri": evidence,
                "baseline_uri": evidence,
                "commit": "c0ffee",
            },
        )
        return str(answer["ModelPackageArn"])
