"""A JSON object, as SageMaker's API takes and gives it."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
