"""Capture files and labels as SageMaker writes them, and a processing job's folders around them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def line(
    request: str,
    answer: str,
    inference_id: str | None = None,
    *,
    event_id: str = "e",
    content_type: str = "text/csv",
    accept: str = "text/csv; charset=utf-8",
    encoding: str = "CSV",
) -> str:
    """One line of a capture file."""

    def side(mode: str, data: str, kind: str) -> dict[str, str]:
        text = base64.b64encode(data.encode()).decode() if encoding == "BASE64" else data
        return {"observedContentType": kind, "mode": mode, "data": text, "encoding": encoding}

    metadata = {"eventId": event_id, "inferenceTime": "2026-11-21T10:00:00Z"}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    data = {
        "endpointInput": side("INPUT", request, content_type),
        "endpointOutput": side("OUTPUT", answer, accept),
    }
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})


def label(inference_id: str, value: object) -> str:
    return json.dumps(
        {
            "groundTruthData": {"data": str(value), "encoding": "CSV"},
            "eventMetadata": {"eventId": inference_id},
            "eventVersion": "0",
        }
    )


def write(folder: Path, lines: Iterable[str], name: str = "2026/11/21/10/05-00-000-x.jsonl") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return folder


def evaluation(**other: Any) -> dict[str, Any]:
    """A registered AUC of 0.9, with its interval."""
    usual = {
        "metric": "auc",
        "value": 0.9,
        "ci_low": 0.86,
        "ci_high": 0.94,
        "confidence": 0.95,
        "higher_is_better": True,
        "classes": [0, 1],
    }
    return usual | other
