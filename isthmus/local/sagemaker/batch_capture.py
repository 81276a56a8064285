"""What a transform job captures: two lists of files, of what was asked and of what was answered.

`<destination>/input/yyyy/mm/dd/hh/<id>.json` and `<destination>/output/...`: JSON lists whose first item is a
common prefix and whose others are the files below it, in the same order.
Document: SageMaker's developer guide, "Capture data from batch transform job".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from posixpath import commonpath

from isthmus.executor.objects import ObjectStore, split_uri
from isthmus.executor.record import Record


def write(objects: ObjectStore, config: Record, done: Sequence[tuple[str, str]]) -> None:
    """Write down which files were asked and where their answers lie: pairs of S3 URIs."""
    bucket, prefix = split_uri(config["DestinationS3Uri"].rstrip("/"))
    id_, hour = uuid.uuid4(), f"{datetime.now(UTC):%Y/%m/%d/%H}"
    for side, uris in (("input", [asked for asked, _ in done]), ("output", [said for _, said in done])):
        key = f"{prefix}/{side}/{hour}/{id_}.json"
        objects.write(bucket, key, json.dumps(_manifest(uris)).encode(), config.get("KmsKeyId"))


def _manifest(uris: Sequence[str]) -> list[dict[str, str] | str]:
    bucket = split_uri(uris[0])[0]
    stem = commonpath([split_uri(uri)[1].rpartition("/")[0] for uri in uris])
    prefix = f"s3://{bucket}/{stem}/"
    return [{"prefix": prefix}, *(uri.removeprefix(prefix) for uri in uris)]
