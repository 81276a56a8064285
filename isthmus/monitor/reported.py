"""The newest report that a monitor of a model has left in a stage's capture bucket, of whichever version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.serving import look

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Report:
    """A report's folder: of which version it is, and of which one serves now; `files` are in it."""

    s3: Any
    bucket: str
    folder: str
    files: frozenset[str]
    version: str
    serving: str

    def read(self, name: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=self.folder + name)["Body"].read()
        return body

    @property
    def overtaken(self) -> str:
        """What to know of a report about another version than the one that serves; else empty."""
        if self.version == self.serving:
            return ""
        return f"version {self.serving} serves now, and the newest report is of version {self.version}"


def newest(session: boto3.Session, platform: Platform, model: str, stage: Stage, file: str) -> Report | None:
    """The report whose `file`, which every one has, was written last; None before the first.

    Raises `NotFound` where nothing serves the model.
    """
    bucket, below = names.capture_bucket(platform, getattr(platform.accounts, stage)), names.reports(model)
    serving = look(session.client("sagemaker"), model, stage).version
    s3 = session.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
    written = {one["Key"]: one["LastModified"] for page in pages for one in page.get("Contents", [])}
    every = [key for key in written if key.endswith(f"/{file}")]
    if not every:
        return None
    folder = max(every, key=lambda key: written[key]).removesuffix(file)
    files = frozenset(key.removeprefix(folder) for key in written if key.startswith(folder))
    return Report(s3, bucket, folder, files, folder.removeprefix(below).partition("/")[0], serving)
