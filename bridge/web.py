"""One HTTP request and its JSON answer; what else comes back is an error that says what to expect of a retry.

Retryable    the other side cannot answer now, or did not: the message goes back to the queue
Denied       it answered no: a retry hardly helps, a person must look
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import urllib3


class Retryable(Exception):
    """The other side cannot answer now, or its answer was lost on the way."""


class Denied(Exception):
    """The other side said no."""


@cache
def pool() -> urllib3.PoolManager:
    """Connections, kept between invocations. Nothing is retried here: a POST must not be sent twice."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=10), retries=False)


def call(method: str, url: str, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
    """The JSON object of a 2xx answer. Raises `Retryable` or `Denied`, without a word of the credentials."""
    return parse(_where(method, url), send(method, url, headers, body))


def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
    """The body of a 2xx answer, which may be empty. Raises as `call` does."""
    where = _where(method, url)
    try:
        response = pool().request(
            method, url, headers=headers | {"accept": "application/json"}, body=body, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise Retryable(f"{where}: {type(error).__name__}") from None
    status = response.status
    if status == 429 or status >= 500:
        raise Retryable(f"{where}: {status}, retry after {response.headers.get('retry-after', 'a while')}")
    # Azure DevOps answers a caller that it does not know with a page to sign in at.
    if status in (203, 302, 401):
        raise Denied(f"{where}: {status}, not signed in{_reason(response.data)}")
    if not 200 <= status < 300:
        raise Denied(f"{where}: {status}{_reason(response.data)}")
    return bytes(response.data)


def _where(method: str, url: str) -> str:
    return f"{method} {url.partition('?')[0]}"


def parse(where: str, body: bytes) -> dict[str, Any]:
    """The JSON object that an answer is; raises `Retryable` where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Retryable(f"{where}: the answer is not a JSON object")
    return found


def _reason(body: bytes) -> str:
    """What Azure DevOps (`message`) or Entra (`error_description`) says about a refusal."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    said = found.get("message") or found.get("error_description") if isinstance(found, dict) else ""
    return f": {str(said)[:300]}" if said else ""
