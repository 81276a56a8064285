"""Asks a model's endpoint for predictions."""

from __future__ import annotations

from typing import Any

from isthmus.errors import BadInput, NotFound, Unavailable
from isthmus.operate.rows import media_type
from isthmus.serving import Serving


def ask(runtime: Any, serving: Serving, rows: bytes, inference_id: str = "") -> list[str]:
    """One prediction for each row of a CSV or JSON document, as text.

    `runtime` is what `isthmus.asking` gives. Raises `NotFound` where the endpoint is not there, `BadInput` in
    the model's own words where it refuses the rows, and `Unavailable` where it fails.
    """
    extra = {"InferenceId": inference_id} if inference_id else {}
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=serving.endpoint,
            Body=rows,
            ContentType=media_type(rows),
            Accept="text/csv",
            **serving.target,
            **extra,
        )
    except runtime.exceptions.ModelError as error:
        raise _of_model(error.response) from None
    except runtime.exceptions.ValidationError as error:
        if "not found" not in str(error).lower():
            raise
        raise NotFound(
            f"endpoint {serving.endpoint} is not in {serving.stage}",
            todo="see what runs where: isthmus status",
        ) from None
    text: str = answer["Body"].read().decode()
    return text.splitlines()


def _of_model(response: dict[str, Any]) -> BadInput | Unavailable:
    said = str(response.get("OriginalMessage", "")).strip() or "it gave no reason"
    if 400 <= int(response.get("OriginalStatusCode", 500)) < 500:
        return BadInput(f"the model refused: {said}")
    return Unavailable(f"the model failed: {said}", todo="look at the endpoint's log in CloudWatch")
