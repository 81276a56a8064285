"""The monitor pipeline's definition (schema 2020-12-01): processing steps of the model's own image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.config.monitoring import Monitoring
from isthmus.monitor import settings
from isthmus.network import Attachment

VOLUME_GB = 30
LONGEST_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Monitor:
    """What the monitor of one version at one stage reads, and where it writes (S3 URIs).

    `captures` and `labels` are what the days' folders lie in; `tags` are the job's.
    """

    model: str
    stage: str
    endpoint: str
    region: str
    image: str
    role: str
    baseline: str
    evaluation: str
    artifact: str
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
    pipeline = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": _steps(monitor)}
    return json.dumps(pipeline, sort_keys=True, separators=(",", ":"))


def _steps(monitor: Monitor) -> list[dict[str, Any]]:
    """One job; or one on several instances, each of which sees a share, and one that adds those up."""
    inputs = {"baseline": monitor.baseline, "evaluation": monitor.evaluation}
    # Only what explains needs the model itself.
    model = {"model": monitor.artifact} if monitor.settings.explanations else {}
    report = _output("report", monitor.reports)
    if monitor.settings.instance_count == 1:
        return [_step("Monitor", _arguments(monitor, [], 1, inputs | model, report))]
    # In a folder of this execution, so that no part of an earlier one is added.
    run: dict[str, object] = {"Get": "Execution.PipelineExecutionId"}
    parts = {"Std:Join": {"On": "/", "Values": [monitor.reports, "parts", run]}}
    part = _output("part", parts)
    written = {"Get": "Steps.See.ProcessingOutputConfig.Outputs['part'].S3Output.S3Uri"}
    count = monitor.settings.instance_count
    return [
        _step("See", _arguments(monitor, ["shard"], count, inputs, part)),
        _step("Monitor", _arguments(monitor, ["merge"], 1, inputs | model | {"parts": written}, report)),
    ]


def _step(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": arguments}


def _arguments(
    monitor: Monitor,
    words: list[str],
    instances: int,
    inputs: Mapping[str, object],
    output: dict[str, object],
) -> dict[str, Any]:
    """The request of CreateProcessingJob."""
    cluster = {
        "InstanceCount": instances,
        "InstanceType": monitor.settings.instance_type,
        "VolumeSizeInGB": VOLUME_GB,
        "VolumeKmsKeyId": monitor.key,
    }
    return {
        "AppSpecification": {
            "ImageUri": monitor.image,
            "ContainerEntrypoint": ["process"],
            "ContainerArguments": ["-m", "isthmus.monitor.step", *words],
        },
        "RoleArn": monitor.role,
        "Environment": _environment(monitor),
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": LONGEST_SECONDS},
        **({"NetworkConfig": {"VpcConfig": monitor.network.vpc_config()}} if monitor.network else {}),
        "ProcessingInputs": [_input(name, uri) for name, uri in inputs.items()],
        "ProcessingOutputConfig": {"KmsKeyId": monitor.key, "Outputs": [output]},
        "Tags": [{"Key": key, "Value": value} for key, value in monitor.tags.items()],
    }


def _environment(monitor: Monitor) -> dict[str, str]:
    """What the step reads. The region is said because boto3 does not read the one that SageMaker sets."""
    return {
        "AWS_DEFAULT_REGION": monitor.region,
        "MODEL": monitor.model,
        "STAGE": monitor.stage,
        "ENDPOINT": monitor.endpoint,
        "VERSION": str(monitor.version),
        "CAPTURES_URI": monitor.captures,
        "LABELS_URI": monitor.labels,
        **settings.written(monitor.settings),
    }


def _input(name: str, uri: object) -> dict[str, object]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def _output(name: str, uri: object) -> dict[str, object]:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }
