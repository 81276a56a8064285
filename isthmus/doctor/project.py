"""Whether Azure DevOps is as platform.yaml says, by the plan that `isthmus azure apply` would carry out."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.azure import callback, contents, provision
from isthmus.config import platform_path
from isthmus.doctor.finding import Finding, Status
from isthmus.doctor.sight import Sight
from isthmus.errors import Problem

APPLY = "isthmus azure apply"
CALLED = {
    "make": "it is not there",
    "drift": "it is not as it was made",
    "contents": "this folder holds newer contents",
    "remove": "it is there and should not be",
    "adopt": "it is there, and apply did not make it",
}


def project(sight: Sight) -> Iterator[Finding]:
    """Pipelines, environments, service connections, checks, policies and grants, and the bridge's route."""
    try:
        url = callback.url(sight.platform)
    except Problem as problem:
        url = ""
        yield Finding("could not look", "the bridge's route", problem.what, problem.todo)
    folders = contents.Folders.beside(platform_path())
    planned = provision.plan(sight.platform, folders, sight.azure, url, adopt=True)
    remedy = f"{APPLY} --adopt" if any(one.kind == "adopt" for one in planned) else APPLY
    for one in planned:
        changed = "; ".join(map(str, one.differences))
        says = f"{CALLED[one.kind]}{': ' if changed else ''}{changed}"
        # Contents are newer in this folder, which is no fault of the set-up.
        status: Status = "warning" if one.kind == "contents" else "missing"
        yield Finding(status, one.about, says, remedy)
