"""Asks the endpoints' API for predictions, as those do who have no AWS key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.errors import BadInput, NotFound, Problem, Refused, Unavailable
from isthmus.operate.rows import media_type

KINDS: dict[int, type[Problem]] = {
    400: BadInput,
    401: Refused,
    403: Refused,
    404: NotFound,
    413: BadInput,
    415: BadInput,
}


@dataclass(frozen=True)
class Answer:
    """One prediction for each row, as text, and what they are found by."""

    predictions: list[str]
    inference_id: str


def ask(url: str, token: str, model: str, rows: bytes, inference_id: str = "") -> Answer:
    """Ask the API at `url`; raises a `Problem` in its own words where it refuses or fails."""
    import requests

    where = f"{url.rstrip('/')}/models/{model}/predictions"
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": media_type(rows),
    }
    headers |= {"X-Inference-Id": inference_id} if inference_id else {}
    try:
        answer = requests.post(where, data=rows, headers=headers, timeout=35)
        said: Any = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"the API gave no answer: {type(error).__name__}", where=where) from None
    if not answer.ok:
        message = said.get("message") if isinstance(said, dict) else ""
        raise KINDS.get(answer.status_code, Unavailable)(
            f"the API says {answer.status_code}: {message}", where=where
        )
    return Answer([str(one) for one in said["predictions"]], said["inference_id"])
