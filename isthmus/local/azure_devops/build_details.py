"""What a build left behind: timeline, logs, artifacts, attachments; and the leases that keep it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from urllib.parse import quote

from isthmus.local.azure_devops import leases
from isthmus.local.azure_devops.access import VIEW_BUILDS
from isthmus.local.azure_devops.builds import of
from isthmus.local.azure_devops.call import Answer, Call
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pipelines import of as pipeline_of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.timeline import run_folder


def timeline(call: Call) -> Document:
    run = of(call, VIEW_BUILDS)
    wanted, ledger = call.path.get("timelineId", "").lower(), call.organization.ledger
    if wanted in ("", run["plan"]):
        return ledger.shown(run)
    found = ledger.shown(run, wanted)
    if not found["records"]:
        raise not_found(f"There is no timeline {wanted} of build {run['id']}.", "TimelineNotFoundException")
    return found


def leases_on(call: Call) -> list[Document]:
    return leases.of_run(call.organization, of(call, VIEW_BUILDS))


def logs(call: Call) -> list[Document]:
    return call.organization.ledger.logs(of(call, VIEW_BUILDS))


def log(call: Call) -> Answer:
    """A log's lines: as text, or in JSON for a client that asks for that."""
    run = of(call, VIEW_BUILDS)
    number = call.id("logId")
    ledger = call.organization.ledger
    if ledger.log(run, number) is None:
        raise not_found(f"Log with ID {number} not found.", "BuildLogNotFoundException")
    lines = ledger.lines(run, number)
    first, last = call.number("startLine", 0), call.number("endLine", len(lines))
    lines = lines[max(0, first - 1) : last]
    if "application/json" in call.accept:
        return Answer({"count": len(lines), "value": lines})
    return Answer("".join(f"{line}\n" for line in lines).encode(), content_type="text/plain; charset=utf-8")


def artifacts(call: Call) -> Answer | Document | list[Document]:
    """All artifacts, or the one of `artifactName`: described, or with `$format=zip` as its content."""
    run = of(call, VIEW_BUILDS)
    found = [_artifact(call.organization, run, one) for one in run.get("artifacts", [])]
    name = call.query.get("artifactname")
    if name is None:
        return found
    artifact = next((one for one in found if one["name"] == name), None)
    if artifact is None:
        raise not_found(
            f"The artifact {name} was not found for build {run['id']}.", "ArtifactNotFoundException"
        )
    if call.query.get("$format", "").lower() == "zip":
        folder = run_folder(call.organization, run) / "artifacts" / name
        return Answer(_zipped(folder, name), content_type="application/zip")
    return artifact


def _artifact(organization: Organization, run: Document, artifact: Document) -> Document:
    base = f"{organization.url}/{run['project']}/_apis/build/builds/{run['id']}/artifacts"
    url = f"{base}?artifactName={quote(artifact['name'], safe='')}"
    return artifact | {
        "resource": {
            "type": "PipelineArtifact",
            "data": artifact["name"],
            "properties": {},
            "url": url,
            "downloadUrl": f"{url}&$format=zip",
        }
    }


def _zipped(folder: Path, name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{name}/{file.relative_to(folder)}")
    return content.getvalue()


def attachments(call: Call) -> list[Document]:
    run = of(call, VIEW_BUILDS)
    folder = run_folder(call.organization, run) / "attachments"
    base = f"{call.organization.url}/{run['project']}/_apis/build/builds/{run['id']}/{run['plan']}"
    return [
        {
            "name": file.name,
            "_links": {"self": {"href": f"{base}/{file.parts[-3]}/attachments/{file.parts[-2]}/{file.name}"}},
        }
        for file in sorted(folder.glob(f"*/{_plain(call.path['type'])}/*"))
    ]


def attachment(call: Call) -> Answer:
    run = of(call, VIEW_BUILDS)
    parts = (_plain(call.path[key]) for key in ("recordId", "type", "name"))
    file = run_folder(call.organization, run).joinpath("attachments", *parts)
    if not file.is_file():
        raise not_found(f"There is no attachment {call.path['name']}.")
    return Answer(file.read_bytes(), content_type="application/octet-stream")


def _plain(part: str) -> str:
    return "".join(char for char in Path(part).name if char not in "*?[]") or "_"


def run_artifact(call: Call) -> Document:
    """An artifact as the pipelines API shows it; its content is behind `signedContent` where expanded."""
    run = _run(call)
    name = call.query.get("artifactname", "")
    if name not in [one["name"] for one in run.get("artifacts", [])]:
        raise not_found(f"Artifact with name {name} not found.", "ArtifactNotFoundException")
    shown = _artifact(call.organization, run, {"name": name})
    signed = {"url": shown["resource"]["downloadUrl"], "signatureExpires": now()}
    expanded = {"signedContent": signed} if call.query.get("$expand") else {}
    return {"name": name, "url": shown["resource"]["url"], **expanded}


def run_logs(call: Call) -> Document:
    run = _run(call)
    url = f"{_pipeline_url(call)}/runs/{run['id']}/logs"
    return {"logs": [_log(call, run, one) for one in call.organization.ledger.logs(run)], "url": url}


def run_log(call: Call) -> Document:
    run = _run(call)
    found = call.organization.ledger.log(run, call.id("logId"))
    if found is None:
        raise not_found(f"Log with ID {call.path['logId']} not found.", "BuildLogNotFoundException")
    return _log(call, run, found)


def _log(call: Call, run: Document, log_: Document) -> Document:
    keys = ("id", "lineCount", "createdOn", "lastChangedOn")
    signed = {"url": log_["url"], "signatureExpires": now()}
    expanded = {"signedContent": signed} if call.query.get("$expand") else {}
    url = f"{_pipeline_url(call)}/runs/{run['id']}/logs/{log_['id']}"
    return {key: log_[key] for key in keys} | {"url": url, **expanded}


def _run(call: Call) -> Document:
    pipeline = pipeline_of(call, VIEW_BUILDS)
    run = call.organization.runs.get(call.id("runId"))
    if run is None or run["pipeline"] != pipeline["id"]:
        raise not_found(f"Run {call.path['runId']} not found.", "RunNotFoundException")
    return run


def _pipeline_url(call: Call) -> str:
    return f"{call.organization.url}/{call.project['id']}/_apis/pipelines/{call.path['pipelineId']}"


_BUILD = "{project}/_apis/build/builds/{buildId}"
_RUN = "{project}/_apis/pipelines/{pipelineId}/runs/{runId}"
RESOURCES = [
    Resource(
        "8baac422-4c6e-4de5-8532-db96d92acffa",
        "build",
        "timeline",
        _BUILD + "/timeline/{timelineId}",
        2,
        collection={"GET": timeline},
        item={"GET": timeline},
    ),
    Resource(
        "35a80daf-7f30-45fc-86e8-6b813d9c90df",
        "build",
        "logs",
        _BUILD + "/logs/{logId}",
        2,
        collection={"GET": logs},
        item={"GET": log},
    ),
    Resource(
        "3da19a6a-f088-45c4-83ce-2ad3a87be6c4",
        "build",
        "leases",
        _BUILD + "/leases",
        collection={"GET": leases_on},
    ),
    Resource(
        "1db06c96-014e-44e1-ac91-90b2d4b3e984",
        "build",
        "artifacts",
        _BUILD + "/artifacts",
        5,
        collection={"GET": artifacts},
    ),
    Resource(
        "f2192269-89fa-4f94-baf6-8fb128c55159",
        "build",
        "attachments",
        _BUILD + "/attachments/{type}",
        2,
        item={"GET": attachments},
    ),
    Resource(
        "af5122d3-3438-485e-a25a-2dbbfde84ee6",
        "build",
        "attachments",
        _BUILD + "/{timelineId}/{recordId}/attachments/{type}/{name}",
        2,
        item={"GET": attachment},
    ),
    Resource(
        "85023071-bd5e-4438-89b0-2a5bf362a19d",
        "pipelines",
        "artifacts",
        _RUN + "/artifacts",
        collection={"GET": run_artifact},
    ),
    Resource(
        "fb1b6d27-3957-43d5-a14b-a2d70403e545",
        "pipelines",
        "logs",
        _RUN + "/logs/{logId}",
        collection={"GET": run_logs},
        item={"GET": run_log},
    ),
]
