"""When Azure DevOps is asked again, and how long that is waited for; what is never asked twice.

https://learn.microsoft.com/azure/devops/integrate/concepts/rate-limits
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from urllib3.util import Retry

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

TIMES = 4
# Azure DevOps may ask for minutes; somebody is waiting here.
LONGEST_SECONDS = 30.0
_TOO_MANY = 429
_SAME_WHEN_REPEATED = frozenset({"PUT", "PATCH"})


class _Patience(Retry):
    """Reads are asked for again; a PUT or PATCH only where it was turned away unread. A POST never is."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        turned_away = status_code == _TOO_MANY and method.upper() in _SAME_WHEN_REPEATED
        return turned_away or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_SECONDS)


def patience() -> Retry:
    return _Patience(
        total=TIMES,
        backoff_factor=0.3,
        status_forcelist=(_TOO_MANY, 502, 503, 504),
        allowed_methods={"GET"},
        raise_on_status=False,
    )
