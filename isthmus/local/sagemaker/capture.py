"""Data capture: requests and answers of an endpoint as JSON lines in S3, in SageMaker's layout.

`<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/<minute-second-ms-id>.jsonl`
"""

from __future__ import annotations

import base64
import json
import logging
import queue
import random
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from isthmus.executor.objects import ObjectStore, StoreError, split_uri
from isthmus.executor.record import Record

# What is captured is in S3 within this many seconds.
FLUSH_SECONDS = 0.5
logger = logging.getLogger("isthmus.capture")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    variant: str
    request: bytes
    request_type: str
    response: bytes
    response_type: str
    inference_id: str | None
    at: datetime


class Recorder:
    """Writes captured exchanges as they come; `close` writes the rest."""

    def __init__(self, config: Record, endpoint: str, objects: ObjectStore) -> None:
        self._config = config
        self._endpoint = endpoint
        self._objects = objects
        self._queue: queue.SimpleQueue[Exchange | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name=f"capture-{endpoint}", daemon=True)
        self._thread.start()

    def record(self, exchange: Exchange) -> None:
        """Capture one exchange, by the configured percentage."""
        if random.random() * 100 < self._config["InitialSamplingPercentage"]:  # noqa: S311
            self._queue.put(exchange)

    def close(self, timeout: float = 3.0) -> None:
        self._queue.put(None)
        self._thread.join(timeout)

    def _write_all(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch, more = self._batch(first)
            self._write(batch)
            if not more:
                return

    def _batch(self, first: Exchange) -> tuple[list[Exchange], bool]:
        """What comes in within the flush time; False when nothing will follow."""
        batch, deadline = [first], time.monotonic() + FLUSH_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                item = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
        return batch, True

    def _write(self, batch: list[Exchange]) -> None:
        files: dict[str, list[Exchange]] = {}
        for exchange in batch:
            files.setdefault(f"{exchange.variant}/{exchange.at:%Y/%m/%d/%H}", []).append(exchange)
        bucket, prefix = split_uri(self._config["DestinationS3Uri"])
        for folder, exchanges in files.items():
            at = exchanges[0].at
            name = f"{at:%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            key = "/".join(part for part in (prefix.strip("/"), self._endpoint, folder, name) if part)
            lines = "".join(json.dumps(line(self._config, one)) + "\n" for one in exchanges)
            try:
                self._objects.write(bucket, key, lines.encode(), self._config.get("KmsKeyId"))
            except StoreError as error:
                logger.error("endpoint %s: data capture failed: %s", self._endpoint, error)


def line(config: Record, exchange: Exchange) -> Record:
    """One line of a capture file."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    data: Record = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side(config, exchange.request, exchange.request_type, "INPUT")
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side(config, exchange.response, exchange.response_type, "OUTPUT")
    metadata = {
        "eventId": str(uuid.uuid4()),
        "inferenceTime": exchange.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _side(config: Record, body: bytes, content_type: str, mode: str) -> Record:
    encoding = _encoding(config, content_type)
    text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def _encoding(config: Record, content_type: str) -> str:
    """CSV or JSON where the configuration lists the content type, else base64 (as SageMaker does)."""
    plain = content_type.partition(";")[0].strip().lower()
    headers = config.get("CaptureContentTypeHeader", {})
    if plain in headers.get("CsvContentTypes", []):
        return "CSV"
    return "JSON" if plain in headers.get("JsonContentTypes", []) else "BASE64"


def now() -> datetime:
    return datetime.now(UTC)
