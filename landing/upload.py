"""An object written while it is made, in parts: nothing is there until all of it is."""

from __future__ import annotations

import hashlib
import io
from types import TracebackType
from typing import Any

from landing.aws import client

# S3 takes no smaller part but the last.
PART_BYTES = 8 * 1024 * 1024


class Upload:
    """Takes text; what was written becomes an object when the block ends without an error."""

    def __init__(self, bucket: str, key: str) -> None:
        self._where = {"Bucket": bucket, "Key": key}
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []
        self._buffer = io.BytesIO()
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, in hex."""
        return self._digest.hexdigest()

    def __enter__(self) -> Upload:
        started = client("s3").create_multipart_upload(**self._where, ContentType="text/csv")
        self._upload = self._where | {"UploadId": started["UploadId"]}
        return self

    def write(self, text: str) -> None:
        self._buffer.write(text.encode())
        if self._buffer.tell() >= PART_BYTES:
            self._send()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            client("s3").abort_multipart_upload(**self._upload)
            return
        self._send()
        client("s3").complete_multipart_upload(**self._upload, MultipartUpload={"Parts": self._parts})

    def _send(self) -> None:
        content, number = self._buffer.getvalue(), len(self._parts) + 1
        self._digest.update(content)
        sent = client("s3").upload_part(**self._upload, PartNumber=number, Body=content)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer = io.BytesIO()
