"""What becomes of an asynchronous request: where its result or failure lies, and what SNS is told of it.

Document: SageMaker's developer guide, "Check prediction results".
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from isthmus.executor.objects import StoreError, split_uri
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import events
from isthmus.local.sagemaker.cloud import Caller, Cloud
from isthmus.local.sagemaker.state import now

HEADER = "x-amzn-sagemaker-"
TIMEOUT_SECONDS, TTL_SECONDS = 900, 21_600
logger = logging.getLogger("isthmus.async")


class Answer(NamedTuple):
    body: bytes
    content_type: str


def request_of(output: Record, endpoint: str, headers: Mapping[str, str]) -> Record:
    """An InvokeEndpointAsync as it waits; plain JSON, for it outlives the process."""

    def said(name: str, default: str = "") -> str:
        return headers.get(f"{HEADER}{name}", default)

    id_ = str(uuid.uuid4())
    folder = "/".join(part.strip("/") for part in ("", said("s3outputpathextension")) if part)
    request: Record = {
        "Id": said("inference-id", id_),
        "EndpointName": endpoint,
        "ContentType": said("content-type", "application/octet-stream"),
        "Headers": _passed(headers),
        "InputLocation": said("inputlocation"),
        "OutputLocation": _below(output["S3OutputPath"], folder, said("filename", f"{id_}.out")),
        "RequestTTLSeconds": int(said("requestttlseconds", str(TTL_SECONDS))),
        "InvocationTimeoutSeconds": int(said("invocationtimeoutseconds", str(TIMEOUT_SECONDS))),
        "ReceivedTime": now(),
    }
    if output.get("S3FailurePath"):
        request["FailureLocation"] = _below(output["S3FailurePath"], folder, f"{id_}-error.out")
    return request


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    """What the container is told besides the content's type."""
    passed = {
        "accept": headers.get(f"{HEADER}accept"),
        f"{HEADER}custom-attributes": headers.get(f"{HEADER}custom-attributes"),
        f"{HEADER}inference-id": headers.get(f"{HEADER}inference-id"),
    }
    return {name: value for name, value in passed.items() if value}


def _below(path: str, folder: str, name: str) -> str:
    return "/".join(part for part in (path.rstrip("/"), folder, name) if part)


def completed(cloud: Cloud, role: Caller, output: Record, request: Record, content_type: str) -> None:
    response = {"contentType": content_type, "outputLocation": request["OutputLocation"]}
    told = _notice(role, request, "Completed") | {"responseParameters": response}
    _tell(cloud, role, output, "SuccessTopic", told)


def failed(cloud: Cloud, role: Caller, output: Record, request: Record, reason: str) -> None:
    """Write why beside the results, and tell the error topic."""
    if where := request.get("FailureLocation"):
        try:
            cloud.objects(role).write(*split_uri(where), reason.encode(), output.get("KmsKeyId"))
        except StoreError as error:
            logger.error("endpoint %s: no failure written: %s", request["EndpointName"], error)
    told = _notice(role, request, "Failed") | {"failureReason": reason}
    _tell(cloud, role, output, "ErrorTopic", told)


def _notice(role: Caller, request: Record, status: str) -> Record:
    asked = {
        "contentType": request["ContentType"],
        "endpointName": request["EndpointName"],
        "inputLocation": request["InputLocation"],
    }
    return {
        "awsRegion": role.region,
        "eventTime": events.iso(now()),
        "receivedTime": events.iso(request["ReceivedTime"]),
        "invocationStatus": status,
        "requestParameters": asked,
        "inferenceId": request["Id"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _tell(cloud: Cloud, role: Caller, output: Record, topic: str, notice: Record) -> None:
    arn = output.get("NotificationConfig", {}).get(topic)
    if not arn:
        return
    try:
        cloud.publish(role, arn, json.dumps(notice))
    except ApiError as error:
        logger.error("%s was not told: %s", arn, error.message)
