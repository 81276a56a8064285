"""Test results of runs, published from JUnit files or over REST."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

from isthmus.errors import BadInput
from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Call, mapping, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.test_attachments import FIRST_RESULT, keep, named


def publish(organization: Organization, run: Document, title: str, files: Sequence[Path]) -> Document:
    """One test run of all the files; raises `BadInput` for one that is not JUnit XML."""
    made = _new(organization, run["project"], title or f"JUnit_TestResults_{run['id']}", run["id"])
    for file in files:
        for case, attached in _cases(file):
            keep(organization, run, made["id"], FIRST_RESULT + len(made["results"]), attached)
            made["results"].append(case)
    made |= {"state": "Completed", "completedDate": now()}
    return organization.table("testrun").save(made["id"], made)


def _cases(file: Path) -> Iterable[tuple[Document, list[Path]]]:
    """Each case's result, and the files that are attached to it."""
    try:
        # Written by the run's own steps, into a folder of its own.
        root = ET.parse(file).getroot()  # noqa: S314
    except ET.ParseError as error:
        raise BadInput(f"{file.name} is not JUnit XML: {error}") from None
    if root.tag not in ("testsuite", "testsuites"):
        raise BadInput(f"{file.name} is not JUnit XML: its root is <{root.tag}>")
    for case in root.iter("testcase"):
        wrong = next((child for child in case if child.tag in ("failure", "error")), None)
        skipped = case.find("skipped")
        told = wrong if wrong is not None else skipped
        result = {
            "testCaseTitle": case.get("name", ""),
            "automatedTestName": f"{case.get('classname', '')}.{case.get('name', '')}".strip("."),
            "durationInMs": float(case.get("time") or 0) * 1000,
            "outcome": "Failed" if wrong is not None else "NotExecuted" if skipped is not None else "Passed",
            "errorMessage": (told.get("message") or "") if told is not None else "",
            "stackTrace": (wrong.text or "") if wrong is not None else "",
        }
        yield result, named(case, file)


def _new(organization: Organization, project: str, name: str, build: int | None) -> Document:
    return {
        "id": organization.table("testrun").next_id(),
        "name": name,
        "project": project,
        "build": build,
        "state": "InProgress",
        "startedDate": now(),
        "completedDate": None,
        "results": [],
    }


def every(call: Call) -> list[Document]:
    uri = call.query.get("builduri", "")
    build = uri.rpartition("/")[2] or call.query.get("buildids", "")
    found = [
        shown(call.organization, one)
        for one in call.organization.table("testrun")
        if one["project"] == call.project["id"] and (not build or str(one["build"]) == build)
    ]
    return call.page(found)


def one(call: Call) -> Document:
    return shown(call.organization, _of(call))


def create(call: Call) -> Document:
    contributor(call)
    build = text(mapping(call.body, "build"), "id")
    name = text(call.body, "name", required=True)
    number = int(build) if build.isdecimal() else None
    made = _new(call.organization, call.project["id"], name, number)
    return shown(call.organization, call.organization.table("testrun").save(made["id"], made))


def change(call: Call) -> Document:
    contributor(call)
    run = _of(call)
    run["state"] = text(call.body, "state", default=run["state"])
    run["completedDate"] = now() if run["state"] == "Completed" else None
    return shown(call.organization, call.organization.table("testrun").save(run["id"], run))


def results(call: Call) -> list[Document]:
    run = _of(call)
    outcomes = [one.lower() for one in call.texts("outcomes")]
    found = [
        _result(run, number, one)
        for number, one in enumerate(run["results"])
        if not outcomes or one["outcome"].lower() in outcomes
    ]
    return call.page(found)


def add(call: Call) -> list[Document]:
    contributor(call)
    run = _of(call)
    first = len(run["results"])
    for item in call.items:
        title = text(item, "testCaseTitle", required=True)
        run["results"].append(
            {
                "testCaseTitle": title,
                "automatedTestName": text(item, "automatedTestName", default=title),
                "durationInMs": float(item.get("durationInMs") or 0),
                "outcome": text(item, "outcome", default="None"),
                "errorMessage": text(item, "errorMessage"),
                "stackTrace": text(item, "stackTrace"),
            }
        )
    call.organization.table("testrun").save(run["id"], run)
    return [_result(run, number, one) for number, one in enumerate(run["results"])][first:]


def _of(call: Call) -> Document:
    run = call.organization.table("testrun").get(call.id("runId"))
    if run is None or run["project"] != call.project["id"]:
        raise not_found(f"Test run {call.path['runId']} not found.", "TestObjectNotFoundException")
    return run


def _result(run: Document, number: int, result: Document) -> Document:
    return result | {
        "id": FIRST_RESULT + number,
        "state": "Completed",
        "testRun": {"id": str(run["id"]), "name": run["name"]},
        "priority": 0,
    }


def shown(organization: Organization, run: Document) -> Document:
    """A TestRun."""
    outcomes = [one["outcome"] for one in run["results"]]
    base = f"{organization.url}/{run['project']}"
    build = {"id": str(run["build"]), "url": f"{base}/_apis/build/Builds/{run['build']}"}
    optional = {"completedDate": run["completedDate"], "build": build if run["build"] else None}
    return {
        "id": run["id"],
        "name": run["name"],
        "url": f"{base}/_apis/test/Runs/{run['id']}",
        "webAccessUrl": f"{base}/_TestManagement/Runs?runId={run['id']}",
        "isAutomated": True,
        "state": run["state"],
        "startedDate": run["startedDate"],
        "totalTests": len(outcomes),
        "passedTests": outcomes.count("Passed"),
        "unanalyzedTests": outcomes.count("Failed"),
        "notApplicableTests": 0,
        "incompleteTests": 0,
        "runStatistics": [
            {"state": "Completed", "outcome": outcome, "count": outcomes.count(outcome)}
            for outcome in sorted(set(outcomes))
        ],
        **{key: value for key, value in optional.items() if value},
    }


RESOURCES = [
    Resource(
        "cadb3810-d47d-4a3c-a234-fe5f3be50138",
        "Test",
        "Runs",
        "{project}/_apis/test/runs/{runId}",
        3,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change},
    ),
    Resource(
        "4637d869-3a76-4468-8057-0bb02aa385cf",
        "Test",
        "Results",
        "{project}/_apis/test/runs/{runId}/results",
        6,
        collection={"GET": results, "POST": add},
    ),
]
