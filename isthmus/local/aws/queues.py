"""The URLs of queues, which ministack makes of the port that it listens on and then knows its queues by.

After a start on another port no mapping would find its queue, and no stack its own. So a queue is called what
AWS calls it, wherever this AWS answers; SDKs send to their endpoint and only name the queue by the URL.
"""

from __future__ import annotations

from ministack.core.responses import get_region
from ministack.services import sqs


def install() -> None:
    sqs._queue_url_for_account = _url


def _url(account: str, name: str) -> str:
    return f"https://sqs.{get_region()}.amazonaws.com/{account}/{name}"
