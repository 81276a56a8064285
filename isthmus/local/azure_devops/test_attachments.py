"""Files attached to test results: those that a JUnit case's output names as `[[ATTACHMENT|path]]`.

So does the agent's PublishTestResults@2, for paths that are absolute or begin where the results' file lies.
Here the agent's machine is somebody's own: only what lies below the results' folder is taken.
"""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from isthmus.local.azure_devops.call import Answer, Call
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.timeline import run_folder

# The number of a run's first result.
FIRST_RESULT = 100_000
_MARK = re.compile(r"\[\[ATTACHMENT\|([^\]|]+)")


def named(case: ET.Element, results: Path) -> list[Path]:
    """The files that a case's output names, as far as they are there."""
    said = case.findtext("system-out") or ""
    below = results.parent.resolve()
    files = [(below / found.strip()).resolve() for found in _MARK.findall(said)]
    return [file for file in files if file.is_relative_to(below) and file.is_file()]


def keep(organization: Organization, build: Document, test_run: int, result: int, files: list[Path]) -> None:
    """Copy the files of a result to where `isthmus` keeps what the build left."""
    folder = _folder(organization, build, test_run, result)
    for number, file in enumerate(files, 1):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / f"{number}-{file.name}")


def every(call: Call) -> list[Document]:
    """The attachments of a result (TestAttachment)."""
    run, result = _of(call), call.id("testCaseResultId")
    base = f"{call.organization.url}/{run['project']}/_apis/test/Runs/{run['id']}/Results/{result}"
    found = []
    for number, file in files(call.organization, run, result).items():
        url = f"{base}/attachments/{number}"
        about = {"id": number, "fileName": file.name.partition("-")[2], "size": file.stat().st_size}
        found.append(about | {"url": url, "attachmentType": "generalAttachment", "comment": ""})
    return found


def one(call: Call) -> Answer:
    """The content of an attachment."""
    found = files(call.organization, _of(call), call.id("testCaseResultId"))
    file = found.get(call.id("attachmentId"))
    if file is None:
        raise not_found(f"Attachment {call.path['attachmentId']} not found.", "TestObjectNotFoundException")
    return Answer(file.read_bytes(), content_type="application/octet-stream")


def _of(call: Call) -> Document:
    run = call.organization.table("testrun").get(call.id("runId"))
    if run is None or run["project"] != call.project["id"]:
        raise not_found(f"Test run {call.path['runId']} not found.", "TestObjectNotFoundException")
    return run


def files(organization: Organization, test_run: Document, result: int) -> Mapping[int, Path]:
    """What was attached to a result of a run of tests, by its number."""
    if not test_run["build"]:
        return {}
    folder = _folder(organization, {"id": test_run["build"]}, test_run["id"], result)
    return {int(file.name.partition("-")[0]): file for file in sorted(folder.glob("*-*"))}


def _folder(organization: Organization, build: Document, test_run: int, result: int) -> Path:
    return run_folder(organization, build) / "tests" / str(test_run) / str(result)


RESOURCES = [
    Resource(
        "2bffebe9-2f0f-4639-9af8-56129e9fed2d",
        "Test",
        "Attachments",
        "{project}/_apis/test/Runs/{runId}/Results/{testCaseResultId}/attachments/{attachmentId}",
        1,
        collection={"GET": every},
        item={"GET": one},
    ),
]
