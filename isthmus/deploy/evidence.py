"""What is known of a version besides its description: how good it was, rows that it has not seen, and what
its data was like. The gates read it from the assembly, so that they need no access to the artifacts; and so
do pull requests, which are compared with the version in prod and have no access to AWS at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.deploy.package import Package
from isthmus.errors import NotFound, Refused

# https://www.rfc-editor.org/rfc/rfc1952: how every gzip file begins.
GZIP = b"\x1f\x8b"
EVALUATION, HOLDOUT, BASELINE = "evaluation.json", "holdout.csv", "baseline.json"
# What it forecast for the rows that it was judged on; a version that lacks it is deployed all the same.
FORECASTS = "predictions.csv"


def fetch(s3: Any, package: Package, folder: Path) -> None:
    """Copy the version's evidence into `folder`, and see that its artifact is there.

    Raises `NotFound` naming the first file that is missing, `Refused` where the artifact is no archive.
    """
    _see(s3, package.artifact)
    for uri, name in (
        (package.evaluation, EVALUATION),
        (package.evaluation, HOLDOUT),
        (package.evaluation, FORECASTS),
        (package.baseline, BASELINE),
    ):
        bucket, key = _split(f"{uri.rstrip('/')}/{name}")
        try:
            (folder / name).write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            if name != FORECASTS:
                raise _missing(f"s3://{bucket}/{key}") from None


def _see(s3: Any, uri: str) -> None:
    bucket, key = _split(uri)
    try:
        begin = s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-1")["Body"].read()
    except s3.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("404", "NoSuchKey", "InvalidRange"):
            raise
        if code != "InvalidRange":
            raise _missing(uri) from None
        begin = b""
    if begin != GZIP:
        raise Refused(
            f"the version's {key.rsplit('/', 1)[-1]} is no gzip archive: it begins with {begin!r}",
            where=uri,
            todo="build the version again",
        )


def _split(uri: str) -> tuple[str, str]:
    where = urlsplit(uri)
    return where.netloc, where.path.lstrip("/")


def _missing(uri: str) -> NotFound:
    return NotFound(
        f"the version's {uri.rsplit('/', 1)[-1]} is gone", where=uri, todo="build the version again"
    )
