"""deploy.yaml, `asynchronous`: how an asynchronous endpoint works through its queue, and whom it tells."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isthmus.config.fields import Strict

Outcome = Literal["success", "failure"]


class Asynchronous(Strict):
    max_concurrent_invocations: int = Field(
        default=4, ge=1, le=1000, description="How many requests an instance works on at a time."
    )
    topics: tuple[Outcome, ...] = Field(
        default=("success", "failure"), description="Which ends of requests an SNS topic is told of."
    )
