"""One HTTP request and its JSON answer; what else comes back is an error that says what to expect of a retry.

Retryable    the other side cannot answer now, or did not: the message goes back to the queue
Unanswered   so of a request that changes something, which may still be done, later
Denied       it answered no: a retry hardly helps, a person must look

Azure DevOps says how long to leave it alone, with a refusal (429, 503) or with an answer that it delayed
(`Retry-After`; "Rate and usage limits"). Until then `ready` lets nothing begin.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import urllib3


class Retryable(Exception):
    """The other side cannot answer now, or its answer was lost. `after`: in how many seconds it can."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Unanswered(Retryable):
    """What was asked for may have been done, or may be done yet."""


class Denied(Exception):
    """The other side said no."""


# What is asked for beyond this is asked again.
LONGEST_REST_SECONDS = 900
# Until when (in seconds since 1970) the other side wants to be left alone.
_rest_until = 0.0


def ready() -> None:
    """Raises `Retryable` where nothing is to be begun before the other side has rested."""
    left = _rest_until - time.time()
    if left > 0:
        raise Retryable(f"Azure DevOps asked to be left alone for {left:.0f} s more", left)


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
    lost = Retryable if method == "GET" else Unanswered
    try:
        response = pool().request(
            method, url, headers=headers | {"accept": "application/json"}, body=body, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise lost(f"{where}: {type(error).__name__}") from None
    status, after = response.status, _asked_rest(response.headers)
    if status == 429 or status >= 500:
        # A server that failed, or one before it that waited no longer, does not say what was done.
        raise (Retryable if status == 429 else lost)(
            f"{where}: {status}, retry after {after or 'a while'}", after
        )
    # Azure DevOps answers a caller that it does not know with a page to sign in at.
    if status in (203, 302, 401):
        raise Denied(f"{where}: {status}, not signed in{_reason(response.data)}")
    if not 200 <= status < 300:
        raise Denied(f"{where}: {status}{_reason(response.data)}")
    return bytes(response.data)


def _asked_rest(headers: Mapping[str, str]) -> float | None:
    """For how many seconds from now the answer asks to be left alone, which is remembered; None for not."""
    global _rest_until
    now, said = time.time(), headers.get("retry-after", "")
    if said.isdecimal():
        seconds = float(said)
    elif headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdecimal():
        seconds = float(headers["x-ratelimit-reset"]) - now
    else:
        seconds = _until(said) - now
    if seconds <= 0:
        return None
    seconds = min(seconds, LONGEST_REST_SECONDS)
    _rest_until = max(_rest_until, now + seconds)
    return seconds


def _until(date: str) -> float:
    """An HTTP date in seconds since 1970; 0 where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0.0


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
