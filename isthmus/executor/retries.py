"""A step's RetryPolicies: whether and when to try again after an error of the service, not of the script."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def delay(policies: Iterable[dict[str, Any]], error: str, attempt: int, elapsed: float) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `error` is an exception type of the policies (`Step.THROTTLING`, `SageMaker.JOB_INTERNAL_ERROR`, ...),
    `attempt` counts the attempts made, `elapsed` the seconds since the first.
    """
    for policy in policies:
        if error in _types(policy):
            return _wait(policy, attempt, elapsed)
    return None


def _types(policy: dict[str, Any]) -> list[str]:
    given = policy.get("ExceptionType", [])
    return [given] if isinstance(given, str) else given


def _wait(policy: dict[str, Any], attempt: int, elapsed: float) -> float | None:
    seconds: float = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** (attempt - 1)
    expiry = policy.get("ExpireAfterMin")
    if expiry is not None:
        return seconds if elapsed + seconds <= expiry * 60 else None
    return seconds if attempt < policy.get("MaxAttempts", 5) else None
