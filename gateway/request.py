"""What a caller asks, read from API Gateway's event: of an HTTP API (payload 2.0) or of a REST API (1.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import uuid
from dataclasses import dataclass
from typing import Any

from gateway.refused import Refused

MODEL = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,62}")
INFERENCE_ID = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
CONTENT_TYPES = ("text/csv", "application/json")
# InvokeEndpoint takes no more.
LARGEST_BODY = 6 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """Rows for a model; `caller` is the client id of the Entra application that sends them."""

    model: str
    rows: bytes
    content_type: str
    inference_id: str
    caller: str


def read(event: dict[str, Any]) -> Request:
    """The request; raises `Refused` where the caller lacks the role, or asks what cannot be asked."""
    headers = {key.lower(): value for key, value in (event.get("headers") or {}).items()}
    claims = _claims(event.get("requestContext", {}).get("authorizer") or {})
    _check_role(claims)
    return Request(
        model=_model((event.get("pathParameters") or {}).get("model", "")),
        rows=_rows(event),
        content_type=_content_type(headers.get("content-type", "")),
        inference_id=_inference_id(headers.get("x-inference-id", "")),
        caller=str(claims.get("azp") or claims.get("appid") or claims.get("sub") or ""),
    )


def _claims(authorizer: dict[str, Any]) -> dict[str, Any]:
    """The token's claims: an HTTP API says them under `jwt` and as text, a REST API as what they are."""
    found: dict[str, Any] = authorizer.get("jwt", authorizer).get("claims") or {}
    return found


def _check_role(claims: dict[str, Any]) -> None:
    """Entra gives any application of the tenant a token for any other: only the role says who may call."""
    wanted = os.environ["ROLE"]
    roles = claims.get("roles") or []
    if isinstance(roles, str):
        roles = roles.strip("[]").split()
    if wanted not in roles:
        raise Refused(403, f"the token has no role {wanted!r}: have it assigned to the calling application")


def _model(name: str) -> str:
    if not MODEL.fullmatch(name):
        raise Refused(404, f"there is no model {name[:63]!r}")
    return name


def _content_type(given: str) -> str:
    kind = given.partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise Refused(415, f"content type {kind[:80]!r} is not served; send {' or '.join(CONTENT_TYPES)}")
    return kind


def _rows(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        rows = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        raise Refused(400, "the body cannot be read") from None
    if not rows.strip():
        raise Refused(400, "there are no rows to predict: the body is empty")
    if len(rows) > LARGEST_BODY:
        raise Refused(413, f"the body has {len(rows)} bytes; an endpoint takes {LARGEST_BODY}")
    return rows


def _inference_id(given: str) -> str:
    """What the prediction is found by, and its label sent under."""
    if not given:
        return str(uuid.uuid4())
    reserved = os.environ["RESERVED_IDS"]
    if not INFERENCE_ID.fullmatch(given):
        raise Refused(400, "X-Inference-Id has 1 to 64 letters, digits and . _ : / -")
    if given.startswith(reserved):
        raise Refused(400, f"X-Inference-Id may not start with {reserved!r}, which tests of deployments use")
    return given
