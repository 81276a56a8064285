"""What an endpoint is asked and answers, written down in the stage's bucket for the monitors."""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.deploy.deployment import Deployment


def capture_config(deployment: Deployment) -> dict[str, Any]:
    """All of it but the folder that is named after the endpoint configuration."""
    percent = deployment.config.captured_percent
    return {
        "enableCapture": percent > 0,
        "destinationS3Uri": deployment.stored(names.captures(deployment.model)),
        "initialSamplingPercentage": percent,
        "kmsKeyId": deployment.key,
        "captureOptions": [{"captureMode": "Input"}, {"captureMode": "Output"}],
        "captureContentTypeHeader": {
            "csvContentTypes": ["text/csv"],
            "jsonContentTypes": ["application/json"],
        },
    }


def captures_uri(deployment: Deployment, endpoint_config: str) -> str:
    """Where SageMaker writes what the variant was asked under this endpoint configuration."""
    folder = f"{names.captures(deployment.model)}{endpoint_config}"
    return deployment.stored(f"{folder}/{deployment.endpoint}/{names.VARIANT}")
