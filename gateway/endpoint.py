"""Asks a SageMaker endpoint, and says in HTTP's words what went wrong.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from gateway.refused import Refused
from gateway.request import Request

# API Gateway waits 29 seconds for the function, so the endpoint has less. The caller decides about retries.
SECONDS = 24
# What InvokeEndpoint is told of where a model is.
Asked = dict[str, str]
CONFIG = Config(connect_timeout=3, read_timeout=SECONDS, retries={"total_max_attempts": 1})
TOO_MANY = ("ThrottlingException", "Throttling", "TooManyRequestsException")
NOT_NOW = ("ServiceUnavailable", "ModelNotReadyException")
# Where each model answered last: a deployment may put it elsewhere.
_last: dict[str, Asked] = {}


@functools.cache
def _runtime() -> Any:
    return boto3.client("sagemaker-runtime", config=CONFIG)


def ask(request: Request) -> Any:
    """The model's predictions, one a row; raises `Refused` with 400, 404, 429, 502, 503 or 504."""
    last = _last.get(request.model)
    for where in sorted(_places(request.model), key=lambda one: one != last):
        try:
            found = _ask(where, request)
        except ClientError as error:
            if not _missing(error):
                raise _refusal(request.model, dict(error.response)) from None
        else:
            _last[request.model] = where
            return found
    raise Refused(404, f"there is no model {request.model!r}")


def _places(model: str) -> list[Asked]:
    """Where a model may be, as `isthmus/names/` calls it: an endpoint of its own, or a part of one."""
    own = [{"EndpointName": model}, {"EndpointName": f"{model}-serverless"}]
    shared = os.environ.get("SHARED_ENDPOINTS", "").split()
    return own + [{"EndpointName": one, "InferenceComponentName": model} for one in shared]


def _ask(where: Asked, request: Request) -> Any:
    """Raises `ClientError` for what SageMaker refuses."""
    try:
        answer = _runtime().invoke_endpoint(
            **where,
            Body=request.rows,
            ContentType=request.content_type,
            Accept="application/json",
            InferenceId=request.inference_id,
        )
        return _predictions(answer["Body"].read())
    except ReadTimeoutError:
        raise Refused(504, f"{request.model} did not answer in {SECONDS} s") from None
    except BotoCoreError as error:
        raise Refused(502, f"{request.model} could not be asked: {type(error).__name__}") from None


def _missing(error: ClientError) -> bool:
    """An endpoint that is not there has no tags, so that the function's role may not ask it."""
    code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code == "AccessDeniedException" or (code == "ValidationError" and "not found" in said.lower())


def _predictions(body: bytes) -> Any:
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(502, "the model's answer is not JSON") from None
    return found["predictions"] if isinstance(found, dict) and "predictions" in found else found


def _refusal(model: str, response: dict[str, Any]) -> Refused:
    code, said = response["Error"]["Code"], response["Error"].get("Message", "")
    if code == "ModelError":
        return _of_model(response)
    if code == "ValidationError":
        return Refused(400, said)
    if code in TOO_MANY:
        return Refused(429, f"{model} has too many requests: try again later")
    if code in NOT_NOW:
        return Refused(503, f"{model} is not ready: try again later")
    return Refused(502, f"{model} could not be asked: {code}")


def _of_model(response: dict[str, Any]) -> Refused:
    """What the container answered: its own words where the rows are at fault, none where it is."""
    status, said = int(response.get("OriginalStatusCode", 500)), str(response.get("OriginalMessage", ""))
    if status == 429:
        return Refused(429, "the model has too many requests: try again later")
    if 400 <= status < 500:
        return Refused(400, said.strip() or "the model refused the rows")
    if status == 503:
        return Refused(503, "the model is not ready: try again later")
    return Refused(502, "the model failed: look at the endpoint's log")
