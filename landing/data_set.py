"""Whether a data set is complete, and what it is: decided anew from what lies there, after each arrival.

So it does not matter in which order, and how often, S3 tells of files and marker.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from landing import memory, tell
from landing.arrival import INCOMING, MARKER, Arrival
from landing.aws import client
from landing.memory import Fate
from landing.schema import Schema, read_schema
from landing.settings import settings

LANDED = "landed"
NEVER, BEGINNING = (datetime.fromtimestamp(second, UTC) for second in (0, 1))


@dataclass(frozen=True)
class Folder:
    """The files of a data set as they are now, and when the last of them and its marker came."""

    files: tuple[Arrival, ...]
    marked: datetime
    latest: datetime


def settle(model: str, name: str, *, again: bool = False) -> None:
    """Put the data set where training finds it, and tell the bridge, once it is complete.

    Each looks, and decides only if nobody has decided since before it looked; or it looks once more. So none
    that is late puts what it saw in place of what is newer. `again` says to write what was told before.
    """
    before = memory.last_decision(model, name)
    folder = look(model, name)
    fates = memory.fates(folder.files)
    waits = waits_for(folder, fates, read_schema(model))
    if waits:
        tell.log("waiting", hop="waiting", model=model, data_set=name, reason=waits)
        return
    version = version_of(fates)
    if before and before.version == version and before.told and not again:
        return
    detail: dict[str, Any] = {
        "model": model,
        "dataSet": name,
        "version": version,
        "landed": folder.latest.astimezone(UTC).isoformat(timespec="milliseconds"),
        "files": len(fates),
        "rows": sum(fate.rows for fate in fates.values()),
    }
    decision = memory.Decision(version, detail["landed"])
    if not memory.decide(model, name, decision, instead_of=before):
        settle(model, name, again=again)
        return
    _write(detail, fates)
    tell.complete(detail)
    if not memory.decide(model, name, replace(decision, told=True), instead_of=decision):
        settle(model, name, again=True)
        return
    tell.log("complete", hop="complete", **detail)


def waits_for(folder: Folder, fates: dict[Arrival, Fate], schema: Schema) -> str:
    """What is still to come before the data set is complete, in words; nothing where it is."""
    if schema.complete == "marker" and folder.marked < folder.latest:
        return f"there is no {MARKER} yet that is not older than the files"
    accepted = [one for one in folder.files if one in fates and fates[one].state == "accepted"]
    for file in folder.files:
        if file not in accepted:
            rejected = file in fates and fates[file].state == "rejected"
            shown = "/".join(file.parts[2:])
            return f"{shown} was rejected" if rejected else f"{shown} is not checked yet"
    there = {schema.pattern_of(file.name) for file in accepted}
    if schema.complete == "files":
        return next((f"there is no {pattern} yet" for pattern in schema.files if pattern not in there), "")
    return "" if accepted else "there are no files"


def version_of(fates: dict[Arrival, Fate]) -> str:
    """A short name for exactly these names and contents."""
    whole = hashlib.sha256()
    for name, digest in sorted((arrival.name, fate.digest) for arrival, fate in fates.items()):
        whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()[:16]


def look(model: str, name: str) -> Folder:
    """The latest version of each object of the data set; what was deleted is not among them."""
    files, marked, latest = [], NEVER, BEGINNING
    pages = (
        client("s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=settings().landing, Prefix=f"{INCOMING}/{model}/{name}/")
    )
    for one in (one for page in pages for one in page.get("Versions", []) if one["IsLatest"]):
        found = Arrival(one["Key"], one["VersionId"], one["Size"])
        if found.is_marker:
            marked = one["LastModified"]
        if found.is_data:
            files.append(found)
            latest = max(latest, one["LastModified"])
    return Folder(tuple(files), marked, latest)


def _write(detail: dict[str, Any], fates: dict[Arrival, Fate]) -> None:
    """The data set as one object, so that training sees all of it or nothing."""
    files = [
        {"name": arrival.name, "key": fate.key, "rows": fate.rows, "sha256": fate.digest}
        for arrival, fate in sorted(fates.items(), key=lambda one: one[0].name)
    ]
    key = f"{detail['model']}/{LANDED}/{detail['dataSet']}/{detail['version']}.json"
    content = json.dumps(detail | {"files": files}, indent=1)
    client("s3").put_object(Bucket=settings().data, Key=key, Body=content, ContentType="application/json")
