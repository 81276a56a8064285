"""The monitor pipeline's definition (schema 2020-12-01): one processing step of the model's own image."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Monitor:
    """What the monitor of one version at one stage reads, and where it writes (S3 URIs)."""

    model: str
    stage: str
    image: str
    role: str
    baseline: str
    evaluation: str
    captures: str
    labels: str
    reports: str
    key: str
    psi: float
    confidence: float


def definition(monitor: Monitor) -> str:
    """The definition as canonical JSON: the same version always gives the same bytes."""
    step = {
        "Name": "Monitor",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": monitor.image,
                "ContainerEntrypoint": ["process"],
                "ContainerArguments": ["-m", "isthmus.monitor.step"],
            },
            "RoleArn": monitor.role,
            "Environment": {
                "MODEL": monitor.model,
                "STAGE": monitor.stage,
                "PSI": str(monitor.psi),
                "CONFIDENCE": str(monitor.confidence),
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            "ProcessingInputs": [
                _input(name, uri)
                for name, uri in (
                    ("baseline", monitor.baseline),
                    ("evaluation", monitor.evaluation),
                    ("captures", monitor.captures),
                    ("labels", monitor.labels),
                )
            ],
            "ProcessingOutputConfig": {
                "KmsKeyId": monitor.key,
                "Outputs": [
                    {
                        "OutputName": "report",
                        "S3Output": {
                            "S3Uri": monitor.reports,
                            "LocalPath": "/opt/ml/processing/output/report",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
            },
        },
    }
    pipeline = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]}
    return json.dumps(pipeline, sort_keys=True, separators=(",", ":"))


def _input(name: str, uri: str) -> dict[str, object]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }
