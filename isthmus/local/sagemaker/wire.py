"""The JSON 1.1 envelope of every answer of SageMaker."""

from __future__ import annotations

import json

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError

Response = tuple[int, dict[str, str], bytes]


def answer(body: Record) -> Response:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def refusal(error: ApiError) -> Response:
    body = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    return error.status, headers, json.dumps(body).encode()
