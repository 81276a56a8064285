"""The Lambda's entry, `gateway.handler.handle`: one request that API Gateway has let in, one answer.

API Gateway has checked the token; here it is asked what the caller may do with it. Each call writes one line
to the log: who asked which model and what became of it, never rows and never predictions.
"""

from __future__ import annotations

import json
import time
from typing import Any

from gateway import endpoint
from gateway.refused import Refused
from gateway.request import Request, read


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with JSON: `predictions` and their `inference_id`, or a `message` that says what is wrong."""
    begun = time.perf_counter()
    request: Request | None = None
    try:
        request = read(event)
        predictions = endpoint.ask(request)
    except Refused as refusal:
        status, said, why = refusal.status, {"message": refusal.message}, refusal.message
    else:
        said = {
            "model": request.model,
            "inference_id": request.inference_id,
            "predictions": predictions,
        }
        status, why = 200, ""
    _log(event, request, status, why if status >= 500 else "", begun)
    body = said | ({"request_id": context.aws_request_id} if status >= 500 else {})
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _log(event: dict[str, Any], request: Request | None, status: int, why: str, begun: float) -> None:
    """What people look for afterwards; a refusal's message may quote a row, so only a failure's is kept."""
    line: dict[str, Any] = {
        "message": why or "answered",
        "status": status,
        "api_request_id": event.get("requestContext", {}).get("requestId", ""),
        "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
    }
    if request is not None:
        line |= {
            "model": request.model,
            "inference_id": request.inference_id,
            "caller": request.caller,
            "bytes": len(request.rows),
        }
    print(json.dumps(line), flush=True)
