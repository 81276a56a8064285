"""What is known of a version besides its description: how good it was, rows that it has not seen, and what
its data was like. The gates read it from the assembly, so that they need no access to the artifacts; and so
do pull requests, which are compared with the version in prod and have no access to AWS at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from isthmus.deploy.package import Package
from isthmus.errors import NotFound, Refused
from isthmus.monitor.preprocessor import FILE as PREPROCESSOR
from isthmus.s3 import split_uri

Answer = Mapping[str, Any]
# https://www.rfc-editor.org/rfc/rfc1952: how every gzip file begins.
GZIP = b"\x1f\x8b"
EVALUATION, HOLDOUT, BASELINE = "evaluation.json", "holdout.csv", "baseline.json"
# What it forecast for the rows that it was judged on.
FORECASTS = "predictions.csv"
# What Model Monitor reads, which not every version is watched by.
OF_MODEL_MONITOR = ("statistics.json", "constraints.json", PREPROCESSOR)
# A version that lacks them is deployed all the same.
LACKED = (FORECASTS, *OF_MODEL_MONITOR)


def fetch(s3: Any, package: Package, folder: Path) -> None:
    """Copy the version's evidence into `folder`, and see that its artifact is there.

    Raises `NotFound` naming the first file that is missing, and `Refused` where the artifact is no archive or
    a file was written after the version was registered.
    """
    _see(s3, package)
    for uri in _evidence(package):
        if answer := _answer(s3, s3.get_object, uri, package):
            (folder / uri.rpartition("/")[2]).write_bytes(answer["Body"].read())


def require_as_registered(s3: Any, package: Package) -> None:
    """Raise `Refused` where artifact or evidence was written after what was approved had been registered.

    A stage may wait for days; S3 says of each object when its newest version was written, whoever wrote it.
    """
    for uri in (package.artifact, *_evidence(package)):
        _answer(s3, s3.head_object, uri, package)


def _answer(s3: Any, ask: Callable[..., Answer], uri: str, package: Package) -> Answer | None:
    """What S3 answers about an object that is as registered; None where the version may lack it."""
    bucket, key = split_uri(uri)
    try:
        answer = ask(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        # What is not there has one code for its content, and another for its head.
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        if not key.endswith(LACKED):
            raise _missing(uri) from None
        return None
    _require_as_registered(answer, uri, package)
    return answer


def _evidence(package: Package) -> Iterator[str]:
    for name in (EVALUATION, HOLDOUT, FORECASTS):
        yield f"{package.evaluation.rstrip('/')}/{name}"
    for name in (BASELINE, *OF_MODEL_MONITOR):
        yield f"{package.baseline.rstrip('/')}/{name}"


def _require_as_registered(answer: Answer, uri: str, package: Package) -> None:
    if answer["LastModified"] > datetime.fromisoformat(package.registered):
        written = answer["LastModified"].isoformat(timespec="seconds")
        raise Refused(
            f"the version's {uri.rpartition('/')[2]} is not what was approved: it was written at {written}, "
            f"after the version was registered at {package.registered}",
            where=uri,
            todo="find out who wrote it, and build the version again",
        )


def _see(s3: Any, package: Package) -> None:
    uri = package.artifact
    bucket, key = split_uri(uri)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-1")
        begin = answer["Body"].read()
    except s3.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("404", "NoSuchKey", "InvalidRange"):
            raise
        if code != "InvalidRange":
            raise _missing(uri) from None
        answer, begin = {}, b""
    if begin != GZIP:
        raise Refused(
            f"the version's {key.rsplit('/', 1)[-1]} is no gzip archive: it begins with {begin!r}",
            where=uri,
            todo="build the version again",
        )
    _require_as_registered(answer, uri, package)


def _missing(uri: str) -> NotFound:
    return NotFound(
        f"the version's {uri.rsplit('/', 1)[-1]} is gone", where=uri, todo="build the version again"
    )
