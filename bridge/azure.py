"""Azure DevOps as the bridge uses it: list runs, queue a run, and say clearly why that was not possible."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from bridge import web
from bridge.entra import Token
from bridge.envelope import moment
from bridge.run import Queued, Run
from bridge.settings import Settings, settings
from bridge.waiting import Job
from isthmus.agreement import RUNS
from isthmus.names import PIPELINE_FOLDER

API, PREVIEW = "7.1", "7.1-preview.1"
# The table remembers for a month what it let through; a look at the latest runs is for an attempt that died,
# and is made again within minutes.
MOST_APPROVALS = 200


@dataclass
class AzureDevOps:
    told: Settings
    token: Token
    _pipelines: dict[str, int] = field(default_factory=dict)
    _identity: str = ""

    def runs(self, pipeline: str, since: datetime | None = None, most: int = RUNS) -> list[Queued]:
        """The pipeline's latest runs, the newest first; of those that were queued since then, if given."""
        query = {
            "definitions": self._pipeline(pipeline),
            "queryOrder": "queueTimeDescending",
            "$top": most,
        }
        if since:
            query["minTime"] = since.isoformat()
        found, me = self._call("GET", "build/builds", query)["value"], self._me()
        return [_queued(build, me) for build in found]

    def approvals(self) -> list[dict[str, Any]]:
        """What waits for approval in the project, and whom it asks."""
        query = {"state": "pending", "$expand": "steps", "top": MOST_APPROVALS}
        found: list[dict[str, Any]] = self._call("GET", "pipelines/approvals", query)["value"]
        return found

    def queue_run(self, run: Run) -> str:
        """Queue one run of the pipeline with the decision's parameters, and return its id."""
        body = {
            "resources": {"repositories": {"self": {"refName": "refs/heads/main"}}},
            "templateParameters": run.parameters,
        }
        return str(self._call("POST", f"pipelines/{self._pipeline(run.pipeline)}/runs", {}, body)["id"])

    def complete(self, job: Job, result: str) -> None:
        """End the task that waits, as `succeeded` or `failed`."""
        event = {"name": "TaskCompleted", "jobId": job.job, "taskId": job.task, "result": result}
        self._send("POST", f"{_plan(job)}/events", {}, event, scope=job.project, version=PREVIEW)

    def show(self, job: Job, lines: list[str]) -> None:
        """Write lines to the log of the task that waits, for who looks on."""
        body = {"value": lines, "count": len(lines), "stepId": job.task}
        path = f"{_plan(job)}/timelines/{job.timeline}/records/{job.job}/feed"
        self._send("POST", path, {}, body, scope=job.project, version=PREVIEW)

    def is_over(self, job: Job) -> bool:
        """Whether the task waits no longer: completed, timed out, cancelled, or of a job that was rerun.

        The timeline has a stage's newest attempt alone, with ids of its own.
        """
        records = self._call("GET", f"build/builds/{job.build}/timeline", {})["records"]
        return not any(str(one["id"]).lower() == job.task and one["state"] != "completed" for one in records)

    def _pipeline(self, name: str) -> int:
        """The number of our pipeline, none of another folder; raises `web.Denied` where there is none."""
        if name not in self._pipelines:
            listed = self._call("GET", "build/definitions", {"name": name})["value"]
            numbers = [one["id"] for one in listed if one["path"] == PIPELINE_FOLDER]
            if len(numbers) != 1:
                raise web.Denied(
                    f"{len(numbers)} pipelines are called {name}, or the bridge may not see it: "
                    "run `isthmus azure apply`"
                )
            self._pipelines[name] = numbers[0]
        return self._pipelines[name]

    def _me(self) -> str:
        """The bridge's own identity in the organization, by which its runs are told from those of others.

        `getConnectionData` of Microsoft's clients (`LocationsApi` of azure-devops-node-api).
        """
        if not self._identity:
            path = "connectionData"
            answer = web.parse(f"GET {path}", self._send("GET", path, {}, scope=None, version=PREVIEW))
            self._identity = str(answer["authenticatedUser"]["id"]).lower()
        return self._identity

    def _call(self, method: str, path: str, query: dict[str, Any], body: object = None) -> dict[str, Any]:
        return web.parse(f"{method} {path}", self._send(method, path, query, body))

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, Any],
        body: object = None,
        *,
        scope: str | None = "",
        version: str = API,
    ) -> bytes:
        """The body of the answer.

        `scope` is the project by its id, where its name will not do; None is the organization.
        """
        asked = urlencode(query | {"api-version": version})
        project = "" if scope is None else "/" + quote(scope or self.told.project, safe="")
        url = f"{self.told.organization_url}{project}/_apis/{path}?{asked}"
        headers = {"authorization": f"Bearer {self.token.value()}", "content-type": "application/json"}
        try:
            return web.send(method, url, headers, json.dumps(body).encode() if body is not None else None)
        except web.Denied:
            # The token may have been revoked, the pipeline made anew: what is remembered is asked for again.
            self.token.forget()
            self._pipelines.clear()
            raise


def _plan(job: Job) -> str:
    return f"distributedtask/hubs/build/plans/{job.plan}"


def _queued(build: dict[str, Any], me: str) -> Queued:
    """A build's parameters are declared as objects; what was given as text comes back as text.

    Who queues a build may say for whom, so both must be the bridge.
    """
    parameters = {name: str(value) for name, value in (build.get("templateParameters") or {}).items()}
    over = build.get("status") == "completed"
    asked = {str((build.get(who) or {}).get("id")).lower() for who in ("requestedFor", "requestedBy")}
    return Queued(str(build["id"]), parameters, moment(build["queueTime"]), over, asked == {me})


@cache
def azure_devops() -> AzureDevOps:
    """Kept between invocations, with its token and the numbers of its pipelines."""
    return AzureDevOps(settings(), Token(settings()))
