"""The monitor pipeline's definition (schema 2020-12-01): one processing step of the model's own image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.config.monitoring import Monitoring
from isthmus.monitor import settings
from isthmus.network import Attachment

INSTANCE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
LONGEST_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Monitor:
    """What the monitor of one version at one stage reads, and where it writes (S3 URIs).

    `captures` and `labels` are what the days' folders lie in; `tags` are the job's.
    """

    model: str
    stage: str
    region: str
    image: str
    role: str
    baseline: str
    evaluation: str
    captures: str
    labels: str
    reports: str
    key: str
    version: int
    settings: Monitoring
    tags: Mapping[str, str]
    network: Attachment | None = None


def definition(monitor: Monitor) -> str:
    """The definition as canonical JSON: the same version always gives the same bytes."""
    step = {"Name": "Monitor", "Type": "Processing", "Arguments": _arguments(monitor)}
    pipeline = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]}
    return json.dumps(pipeline, sort_keys=True, separators=(",", ":"))


def _arguments(monitor: Monitor) -> dict[str, Any]:
    """The request of CreateProcessingJob."""
    inputs = {"baseline": monitor.baseline, "evaluation": monitor.evaluation}
    return {
        "AppSpecification": {
            "ImageUri": monitor.image,
            "ContainerEntrypoint": ["process"],
            "ContainerArguments": ["-m", "isthmus.monitor.step"],
        },
        "RoleArn": monitor.role,
        "Environment": _environment(monitor),
        "ProcessingResources": {"ClusterConfig": INSTANCE | {"VolumeKmsKeyId": monitor.key}},
        "StoppingCondition": {"MaxRuntimeInSeconds": LONGEST_SECONDS},
        **({"NetworkConfig": {"VpcConfig": monitor.network.vpc_config()}} if monitor.network else {}),
        "ProcessingInputs": [_input(name, uri) for name, uri in inputs.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": monitor.key,
            "Outputs": [_output("report", monitor.reports)],
        },
        "Tags": [{"Key": key, "Value": value} for key, value in monitor.tags.items()],
    }


def _environment(monitor: Monitor) -> dict[str, str]:
    """What the step reads. The region is said because boto3 does not read the one that SageMaker sets."""
    return {
        "AWS_DEFAULT_REGION": monitor.region,
        "MODEL": monitor.model,
        "STAGE": monitor.stage,
        "VERSION": str(monitor.version),
        "CAPTURES_URI": monitor.captures,
        "LABELS_URI": monitor.labels,
        **settings.written(monitor.settings),
    }


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


def _output(name: str, uri: str) -> dict[str, object]:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }
