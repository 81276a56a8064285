"""InvokeRESTAPI@1: one HTTP request to a generic service connection, and the end that another one tells.

Azure DevOps itself sends it, in a job without an agent, and waits twenty seconds for the answer. With
`waitForCompletion` the task ends when somebody posts `TaskCompleted` for it. Sources: the task's reference,
and docs/authoring/servertaskauthoring.md of microsoft/azure-pipelines-tasks.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from http import HTTPStatus

from isthmus.local.pipelines.expressions import Failed, Scope, evaluate_text
from isthmus.local.pipelines.host import Result
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed, StepStopped
from isthmus.local.pipelines.tasks.task import Task
from isthmus.local.pipelines.values import to_boolean

ANSWER_SECONDS = 20
LOOK_SECONDS = 0.05
CONNECTION = ("serviceConnection", "connectedServiceName", "genericService")
# What the task sends where its `headers` say nothing.
HEADERS = """{"Content-Type": "application/json", "PlanUrl": "$(system.CollectionUri)",
"ProjectId": "$(system.TeamProjectId)", "HubName": "$(system.HostType)", "PlanId": "$(system.PlanId)",
"JobId": "$(system.JobId)", "TimelineId": "$(system.TimelineId)",
"TaskInstanceId": "$(system.TaskInstanceId)", "AuthToken": "$(system.AccessToken)"}"""


def _invoke(step: Running) -> None:
    if not step.flag("waitForCompletion"):
        _judge(step, _send(step))
        return
    completion = step.job.host.completion(step.job.record.id, step.record.id)
    if completion is None:
        step.warn("nothing was asked: only Azure DevOps can be told that the task is complete")
        return
    # It may be told before the answer is there.
    _send(step)
    result = _wait(step, completion)
    if result == "failed":
        raise StepFailed("the task was reported as failed by who was asked")


def _send(step: Running) -> str:
    """The body of the answer; a status that is not 2xx is a failure."""
    import requests

    url = step.job.host.connection(_connection(step)).url.rstrip("/") + _suffix(step.input("urlSuffix"))
    method = step.input("method", "POST").upper()
    step.log(f"{method} {url}")
    body = step.input("body").encode() if method not in ("GET", "HEAD") else None
    try:
        answer = requests.request(method, url, headers=_headers(step), data=body, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise StepFailed(f"no answer: {type(error).__name__}") from None
    said = HTTPStatus(answer.status_code).phrase
    step.log(f"Response Code: {said}", f"Response: {answer.text[:2000]}")
    if not answer.ok:
        raise StepFailed(f"{answer.status_code} {said}: {answer.text[:300]}")
    return answer.text


def _wait(step: Running, completion: Future[Result]) -> Result:
    deadlines = [one for one in (step.deadline, step.job.deadline) if one is not None]
    while True:
        try:
            return completion.result(LOOK_SECONDS)
        except NotYet:
            if step.job.cancelled():
                raise StepStopped("the run was cancelled") from None
            if deadlines and time.monotonic() > min(deadlines):
                raise StepStopped("nobody told within its timeoutInMinutes that it is complete") from None


def _judge(step: Running, answer: str) -> None:
    """Whether the answer is one of success: what `successCriteria` says of it as `root`."""
    criteria = step.input("successCriteria")
    if not criteria:
        return
    try:
        root = json.loads(answer)
        good = to_boolean(evaluate_text(criteria, Scope({"root": root})))
    except (ValueError, Failed) as error:
        raise StepFailed(f"the answer cannot be judged by successCriteria: {error}") from None
    if not good:
        raise StepFailed(f"the answer does not fulfil {criteria}")


def _connection(step: Running) -> str:
    return next(filter(None, map(step.input, CONNECTION)), "")


def _suffix(text: str) -> str:
    return text if text.startswith(("/", "?")) or not text else f"/{text}"


def _headers(step: Running) -> dict[str, str]:
    try:
        found = json.loads(step.input("headers") or step.job.variables.expand(HEADERS))
        return {name: str(value) for name, value in found.items()}
    except (ValueError, AttributeError):
        raise StepFailed("the headers are not a JSON object") from None


def _check(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    kind = inputs.get("connectiontype") or inputs.get("connectedservicenameselector") or CONNECTION[1]
    if kind.lower() != CONNECTION[1].lower():
        raise broken("InvokeRESTAPI@1 runs here with a generic service connection", step.at)


INVOKE_REST_API = Task(
    _invoke,
    (
        "connectionType",
        "connectedServiceNameSelector",
        *CONNECTION,
        "method",
        "headers",
        "body",
        "urlSuffix",
        "waitForCompletion",
        "successCriteria",
    ),
    required=("serviceConnection",),
    aliases={"serviceConnection": CONNECTION[1:]},
    connection_inputs=tuple(name.lower() for name in CONNECTION),
    agentless=True,
    check=_check,
)
