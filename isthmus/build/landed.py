"""Which objects under `<model>/landed/` are trained on: CSV files, and one version of each data set."""

from __future__ import annotations

import re
from typing import Any

from isthmus import names
from isthmus.errors import BadInput

# Named after its content by `landing/data_set.py`.
_SET = re.compile(r"/landed/[^/]+/[0-9a-f]{16}\.json$")


def landed_objects(s3: Any, bucket: str, model: str, data_set: str = "") -> list[str]:
    """The keys of CSV files and data sets in order of arrival.

    Of each data set that is its newest version. Where `data_set` (`<name>@<version>`) is given, it is that
    version of that set, even if a newer one has come since; raises `BadInput` where it is not there.
    """
    prefix = names.landed(model)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    listed = [one for page in pages for one in page.get("Contents", [])]
    listed.sort(key=lambda one: (one["LastModified"], one["Key"]))
    keys = [one["Key"] for one in listed if one["Key"].endswith(".csv") or _SET.search(one["Key"])]
    name, _, version = data_set.partition("@")
    wanted = f"{prefix}{name}/{version}.json"
    if data_set and wanted not in keys:
        raise BadInput(
            f"there is no data set {data_set}", where=f"s3://{bucket}/{prefix}", todo="land it anew"
        )
    # A later version takes its set's place.
    newest = {_set(key): key for key in keys} | ({_set(wanted): wanted} if data_set else {})
    return [key for key in keys if newest[_set(key)] == key]


def _set(key: str) -> str:
    """What a key is a version of: its data set, or nothing but itself."""
    return key.rpartition("/")[0] if key.endswith(".json") else key
