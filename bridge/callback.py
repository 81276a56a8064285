"""The HTTPS route, `bridge.callback.handle`: a job without an agent says which execution it waits for.

API Gateway calls it twice for each request. First as its authorizer: Azure DevOps is asked, with the job's
own token, whether the task that the request names goes on in a run of our project. The token is sent nowhere
else, and kept nowhere. Then as the route: the execution must be the run's own, and the job is remembered.
What follows is the bridge's; this function has no way into Azure DevOps but the caller's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bridge import execution, models, waiting, web
from bridge.aws import client
from bridge.settings import settings
from bridge.trace import Trace
from bridge.waiting import Job

# What the route tells the bridge: a job waits for an execution, which may have ended by now.
SOURCE, JOB_WAITING = "isthmus.callback", "Job Waiting"
GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# As the task sends them: headers reach both calls, and none of them reaches the access log.
HEADERS = {
    "projectid": GUID,
    "planid": GUID,
    "timelineid": GUID,
    "jobid": GUID,
    "taskinstanceid": GUID,
    "hubname": "build",
    "buildid": r"[1-9][0-9]{0,9}",
    "execution": r"arn:aws:sagemaker:([a-z0-9-]+):([0-9]{12}):pipeline/([a-z0-9-]+)/execution/[a-z0-9]{4,32}",
}
BEARER = r"[A-Za-z0-9._~+/=-]{16,8000}"
API = "7.1"


class Refused(Exception):
    """The request is not one of a job that may wait; `status` is what HTTP calls that."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer API Gateway; raises where nobody could be asked, which the caller sees as 500."""
    trace = Trace()
    asks = event.get("type") == "REQUEST"
    try:
        job = _job(event["headers"])
        if asks:
            _require_task(job, _matching(BEARER, event["headers"].get("authtoken", ""), "authtoken"))
            return {"isAuthorized": True}
        _require_execution(job)
    except Refused as refusal:
        trace.hop("refused", reason=str(refusal))
        return {"isAuthorized": False} if asks else _answer(refusal.status, str(refusal))
    waiting.remember(job)
    _tell_bridge(job)
    trace.hop("waiting", run_id=job.build, execution=job.execution)
    return _answer(200, f"run {job.build} is told when the execution ends")


def _job(headers: Mapping[str, str]) -> Job:
    said = {name: _matching(form, headers.get(name, ""), name) for name, form in HEADERS.items()}
    ids = {
        name: said[name].lower() for name in ("projectid", "planid", "timelineid", "jobid", "taskinstanceid")
    }
    return Job(
        execution=said["execution"],
        build=said["buildid"],
        project=ids["projectid"],
        plan=ids["planid"],
        timeline=ids["timelineid"],
        job=ids["jobid"],
        task=ids["taskinstanceid"],
    )


def _matching(form: str, value: str, name: str) -> str:
    if not re.fullmatch(form, value):
        raise Refused(400, f"the header {name} is missing or malformed")
    return value


def _require_task(job: Job, token: str) -> None:
    """Raise unless the token's owner sees this very task go on, in this very run of our project."""
    build = _as_job(f"build/builds/{job.build}", token)
    if build.get("project", {}).get("id", "").lower() != job.project:
        raise Refused(403, "the run is of another project")
    if build.get("orchestrationPlan", {}).get("planId", "").lower() != job.plan:
        raise Refused(403, "the plan is none of the run's")
    shown = _as_job(f"build/builds/{job.build}/timeline/{job.timeline}", token)
    records = {str(one["id"]).lower(): one for one in shown.get("records", [])}
    task = records.get(job.task, {})
    if job.job not in records or str(task.get("parentId", "")).lower() != job.job:
        raise Refused(403, "the run has no such job with such a task")
    if task.get("state") == "completed":
        raise Refused(403, "the task is over")


def _as_job(path: str, token: str) -> dict[str, Any]:
    """What Azure DevOps answers the caller; its host is the one that we are set up with, always."""
    told = settings()
    url = f"{told.organization_url}/{quote(told.project, safe='')}/_apis/{path}?api-version={API}"
    try:
        return web.call("GET", url, {"authorization": f"Bearer {token}"}, None)
    except web.Denied as denial:
        raise Refused(403, f"Azure DevOps does not know the caller: {denial}") from None


def _require_execution(job: Job) -> None:
    """Raise unless the execution is of a model of ours, here, and was started by that run."""
    told = settings()
    found = re.fullmatch(HEADERS["execution"], job.execution)
    region, account, model = found.groups() if found else ("", "", "")
    if (region, account) != (told.region, told.automation_account) or not models.is_ours(model):
        raise Refused(403, "the execution is of no model of the platform")
    name = execution.display_name(job.execution)
    if name is None:
        raise Refused(404, "there is no such execution")
    if name != execution.name_of(job.build):
        raise Refused(403, "the execution was started by another run")


def _tell_bridge(job: Job) -> None:
    """Have the job tended: its execution may have made steps by now, or ended."""
    entry = {
        "Source": SOURCE,
        "DetailType": JOB_WAITING,
        "Detail": json.dumps({"pipelineExecutionArn": job.execution}),
        "Resources": [job.execution],
        "EventBusName": settings().bus,
    }
    answer = client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the bus did not take the event: {answer['Entries'][0].get('ErrorCode')}")


def _answer(status: int, message: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": message}),
    }
