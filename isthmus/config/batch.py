"""deploy.yaml, `batch`: when a batch transform runs, and how it reads its files."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Schedule, Strict


class Batch(Strict):
    on_arrival: bool = Field(default=True, description="Each file that arrives is answered at once.")
    schedule: Schedule | None = Field(default=None, description="When all files that lie there are answered.")
    max_payload_mb: int = Field(
        default=6, ge=1, le=100, description="A larger file is asked in parts, and must have no header."
    )
