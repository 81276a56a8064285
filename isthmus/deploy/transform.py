"""The batch pipeline's definition (schema 2020-12-01): one transform step of exactly the version.

What is to be answered is its parameter: a file, or a prefix of files, in the stage's bucket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.names import BATCH_KEY

STEP = "Transform"


@dataclass(frozen=True)
class Transform:
    """What a version's transform reads and writes; `model` is SageMaker's.

    `requests` is a prefix of `bucket`; `results` and `captures` are S3 URIs, the latter empty for none.
    """

    model: str
    bucket: str
    requests: str
    results: str
    captures: str
    key_alias: str
    data_key: str
    instance_type: str
    instance_count: int
    max_payload_mb: int
    tags: Mapping[str, str]


def definition(transform: Transform) -> str:
    """The definition as canonical JSON: the same version always gives the same bytes."""
    step = {"Name": STEP, "Type": "Transform", "Arguments": _arguments(transform)}
    parameter = {"Name": BATCH_KEY, "Type": "String", "DefaultValue": transform.requests}
    pipeline = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [parameter], "Steps": [step]}
    return json.dumps(pipeline, sort_keys=True, separators=(",", ":"))


def _arguments(transform: Transform) -> dict[str, Any]:
    """The request of CreateTransformJob."""
    execution = {"Get": "Execution.PipelineExecutionId"}
    results = {"Std:Join": {"On": "/", "Values": [transform.results.rstrip("/"), execution]}}
    asked = {
        "Std:Join": {"On": "/", "Values": [f"s3://{transform.bucket}", {"Get": f"Parameters.{BATCH_KEY}"}]}
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": asked}
    captured = {
        "DestinationS3Uri": transform.captures,
        "KmsKeyId": transform.key_alias,
        "GenerateInferenceId": False,
    }
    return {
        "ModelName": transform.model,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": transform.max_payload_mb,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": results,
            "Accept": "text/csv",
            "AssembleWith": "Line",
            "KmsKeyId": transform.key_alias,
        },
        "TransformResources": {
            "InstanceType": transform.instance_type,
            "InstanceCount": transform.instance_count,
            "VolumeKmsKeyId": transform.data_key,
        },
        **({"DataCaptureConfig": captured} if transform.captures else {}),
        "Tags": [{"Key": key, "Value": value} for key, value in transform.tags.items()],
    }
