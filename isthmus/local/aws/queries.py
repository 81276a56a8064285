"""Requests of AWS's Query protocol, which IAM and the service must read alike; others are refused.

ministack decides by one reading of a request (the query string before the body, a form only by its content
type) and acts by another (the body before the query string): one road for what may be done, one for what is.
What the request asks for is left to the services.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
FORM = "application/x-www-form-urlencoded"
# The protocols that AWS's own models (botocore) give these services: the first speak no JSON.
FORMS_ONLY = (
    "autoscaling",
    "cloudformation",
    "documentdb",
    "ec2",
    "elasticache",
    "elasticloadbalancing",
    "iam",
    "rds",
    "sns",
    "sts",
)
FORMS_TOO = ("monitoring", "sqs")


def install(handlers: dict[str, Handler]) -> None:
    """Stand before all other readers of a request: install last."""
    for service in (*FORMS_ONLY, *FORMS_TOO):
        handlers[service] = _read_in_one_way(handlers[service], service in FORMS_TOO)


def _read_in_one_way(inner: Handler, json_too: bool) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        fault = _fault(method, headers, body, query, json_too)
        return _refused(fault) if fault else await inner(method, path, headers, body, query)

    return handle


def _fault(
    method: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any], json_too: bool
) -> str:
    """Why the request could be read in two ways; empty where it cannot."""
    form = headers.get("content-type", "").startswith(FORM)
    other = bool(headers.get("x-amz-target") or headers.get("smithy-protocol"))
    if "Action" in query and (body or other):
        return "a request says what it asks for in its query string or in its body, not in both"
    if body and form and (method != "POST" or other):
        return "a form is posted, and is no request of another protocol"
    if not form and (other or body) and not json_too:
        return f"this service takes {FORM}"
    if body and not form and not other:
        return f"a body is {FORM}, or X-Amz-Target says what it asks for"
    said = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if form else {}
    twice = next((name for values in (query, said) for name, value in values.items() if len(value) > 1), None)
    return f"parameter {twice} stands twice" if twice else ""


def _refused(fault: str) -> Answer:
    body = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterCombination</Code>"
        f"<Message>{escape(fault)}</Message></Error></ErrorResponse>"
    )
    return 400, {"Content-Type": "text/xml"}, body.encode()
