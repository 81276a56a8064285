"""Jobs without an agent: one request, and then nobody's time until somebody says that it is complete."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, config, running, until

WAITING = """
trigger: none
jobs:
- job: start
  pool: {vmImage: ubuntu-latest}
  steps:
  - checkout: none
  - bash: echo "##vso[task.setvariable variable=execution;isOutput=true]arn-7"
    name: begin
- job: wait
  dependsOn: start
  pool: server
  timeoutInMinutes: '%s'
  variables:
    execution: $[ dependencies.start.outputs['begin.execution'] ]
  steps:
  - task: InvokeRESTAPI@1
    name: asked
    inputs:
      serviceConnection: asked
      urlSuffix: jobs
      body: '{"execution": "$(execution)"}'
      waitForCompletion: 'true'
- job: finish
  dependsOn: wait
  condition: not(canceled())
  pool: {vmImage: ubuntu-latest}
  steps: [{checkout: none}, {bash: echo finished}]
- job: stop
  dependsOn: [start, wait]
  condition: canceled()
  pool: {vmImage: ubuntu-latest}
  steps: [{checkout: none}, {bash: echo stopped}]
"""
QUICK = """
trigger: none
pool: {vmImage: ubuntu-latest}
steps: [{checkout: none}, {bash: echo quick}]
"""


class Asked:
    """A service that is asked: what was sent to it, in order; it answers `status` with `answer`."""

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[str, dict[str, str], Any]] = queue.Queue()
        self.status, self.answer = 200, b"{}"
        self.url = ""

    def next(self) -> tuple[str, dict[str, str], Any]:
        return self.requests.get(timeout=60)


@contextmanager
def listening(asked: Asked) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.requests.put((self.path, headers, json.loads(body or b"null")))
            self.send_response(asked.status)
            self.send_header("content-length", str(len(asked.answer)))
            self.end_headers()
            self.wfile.write(asked.answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    asked.url = f"http://127.0.0.1:{server.server_port}/base/"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    found = Asked()
    with listening(found):
        yield found


@pytest.fixture(scope="module")
def one_agent(tmp_path_factory: pytest.TempPathFactory, asked: Asked) -> Iterator[StandIn]:
    """An organization with a single agent, and a generic service connection to the service."""
    with running(tmp_path_factory.mktemp("agentless"), config(parallel_jobs=1)) as found:
        admin = found.person("admin")
        admin.post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
        admin.post("git/repositories", {"name": "waiting"})
        files = {"quick.yml": QUICK, "waiting.yml": WAITING % 60, "impatient.yml": WAITING % 0.01}
        admin.commit("waiting", files)
        _connect(admin, asked.url)
        yield found


@pytest.fixture
def admin(one_agent: StandIn) -> Person:
    return one_agent.person("admin")


@pytest.fixture
def dana(one_agent: StandIn) -> Person:
    return one_agent.person("dana")


def _connect(admin: Person, url: str) -> None:
    reference = {"name": "asked", "projectReference": {"name": PROJECT}}
    made = admin.post(
        "/_apis/serviceendpoint/endpoints",
        {
            "name": "asked",
            "type": "generic",
            "url": url,
            "authorization": {
                "scheme": "UsernamePassword",
                "parameters": {"username": "", "password": ""},
            },
            "serviceEndpointProjectReferences": [reference],
        },
    )
    admin.patch(
        f"pipelines/pipelinePermissions/endpoint/{made['id']}",
        {"allPipelines": {"authorized": True}, "pipelines": []},
    )


def _pipeline(admin: Person, name: str) -> int:
    known = {one["name"]: one["id"] for one in admin.every("pipelines")}
    return known.get(name) or admin.pipeline(name, "waiting", f"/{name}.yml")


def _results(person: Person, run: int) -> dict[str, str]:
    records = person.get(f"build/builds/{run}/timeline")["records"]
    return {one["refName"]: one.get("result") for one in records if one["type"] == "Phase"}


def _complete(person: Person, headers: dict[str, str], result: str, **more: str) -> Any:
    event = {"name": "TaskCompleted", "jobId": headers["jobid"], "taskId": headers["taskinstanceid"]}
    plan = (
        f"/{headers['projectid']}/_apis/distributedtask/hubs/{headers['hubname']}/plans/{headers['planid']}"
    )
    return person.ask("POST", f"{plan}/events", event | {"result": result} | more)


def test_a_job_waits_without_an_agent_until_it_is_told(admin: Person, dana: Person, asked: Asked) -> None:
    run = dana.run(_pipeline(admin, "waiting"))["id"]
    path, headers, body = asked.next()
    assert (path, body) == ("/base/jobs", {"execution": "arn-7"})
    # The only agent is free.
    assert dana.until_over(dana.run(_pipeline(admin, "quick"))["id"])["result"] == "succeeded"
    job = Person(dana.organization_url, headers["authtoken"])
    records = {
        one["id"]: one for one in job.get(f"build/builds/{run}/timeline/{headers['timelineid']}")["records"]
    }
    assert records[headers["jobid"]]["state"] == records[headers["taskinstanceid"]]["state"] == "inProgress"
    assert records[headers["taskinstanceid"]]["parentId"] == headers["jobid"]
    feed = (
        f"/{headers['projectid']}/_apis/distributedtask/hubs/build/plans/{headers['planid']}/timelines/"
        f"{headers['timelineid']}/records/{headers['jobid']}/feed"
    )
    lines = {"value": ["Train  Executing"], "count": 1, "stepId": headers["taskinstanceid"]}
    assert job.ask("POST", feed, lines).status_code == 200
    assert _complete(job, headers, "succeeded").status_code == 200
    assert _complete(job, headers, "failed").status_code in (200, 401)
    assert dana.until_over(run)["result"] == "succeeded"
    assert _results(dana, run) == {
        "start": "succeeded",
        "wait": "succeeded",
        "finish": "succeeded",
        "stop": "skipped",
    }
    log = records[headers["taskinstanceid"]]["log"]["id"]
    said = [line.partition("Z ")[2] for line in dana.get(f"build/builds/{run}/logs/{log}")["value"]]
    assert said == [f"POST {asked.url}jobs", "Response Code: OK", "Response: {}", "Train  Executing"]


def test_what_is_told_as_failed_fails_the_job_and_the_next_may_say_why(
    admin: Person, dana: Person, asked: Asked
) -> None:
    run = dana.run(_pipeline(admin, "waiting"))["id"]
    _, headers, _ = asked.next()
    assert _complete(admin, headers, "failed").status_code == 200
    assert dana.until_over(run)["result"] == "failed"
    assert (_results(dana, run)["wait"], _results(dana, run)["finish"]) == ("failed", "succeeded")
    over = _complete(admin, headers, "succeeded")
    assert (over.status_code, over.json()["typeKey"]) == (400, "TaskOrchestrationPlanTerminatedException")


def test_events_about_what_is_not_there_change_nothing(admin: Person, dana: Person, asked: Asked) -> None:
    first = dana.run(_pipeline(admin, "waiting"))["id"]
    _, headers, _ = asked.next()
    second = dana.run(_pipeline(admin, "waiting"))["id"]
    _, others, _ = asked.next()
    job = Person(dana.organization_url, others["authtoken"])
    assert _complete(job, headers, "succeeded").status_code == 403
    assert _complete(admin, headers | {"planid": "0" * 8 + others["planid"][8:]}, "failed").status_code == 404
    assert _complete(admin, headers | {"jobid": others["jobid"]}, "failed").status_code == 404
    assert _complete(admin, headers | {"taskinstanceid": headers["jobid"]}, "failed").status_code == 400
    assert _complete(admin, headers, "failed", name="TaskStarted").status_code == 200
    assert _complete(admin, headers, "failed", name="TaskDone").status_code == 400
    for one in (headers, others):
        assert _complete(admin, one, "succeeded").status_code == 200
    assert [dana.until_over(one)["result"] for one in (first, second)] == ["succeeded"] * 2


def test_when_nobody_tells_the_job_times_out_and_the_next_may_look(
    admin: Person, dana: Person, asked: Asked
) -> None:
    run = dana.run(_pipeline(admin, "impatient"))["id"]
    asked.next()
    dana.until_over(run)
    found = _results(dana, run)
    assert (found["wait"], found["finish"], found["stop"]) == ("canceled", "succeeded", "skipped")


def test_cancelling_ends_the_wait_and_runs_what_asks_for_it(
    admin: Person, dana: Person, asked: Asked
) -> None:
    run = dana.run(_pipeline(admin, "waiting"))["id"]
    asked.next()
    dana.patch(f"build/builds/{run}", {"status": "cancelling"})
    assert dana.until_over(run)["result"] == "canceled"
    found = _results(dana, run)
    assert (found["wait"], found["finish"], found["stop"]) == ("canceled", "canceled", "succeeded")


def test_who_answers_no_fails_the_job_at_once(admin: Person, dana: Person, asked: Asked) -> None:
    asked.status, asked.answer = 403, b'{"message": "not you"}'
    try:
        run = dana.run(_pipeline(admin, "waiting"))["id"]
        dana.until_over(run)
    finally:
        asked.next()
        asked.status, asked.answer = 200, b"{}"
    records = dana.get(f"build/builds/{run}/timeline")["records"]
    assert [one["message"] for record in records for one in record["issues"]] == [
        '403 Forbidden: {"message": "not you"}'
    ]


def test_a_generic_connection_with_a_password_is_not_kept(admin: Person) -> None:
    body = {
        "name": "secret",
        "type": "generic",
        "url": "https://example.com",
        "authorization": {"scheme": "UsernamePassword", "parameters": {"username": "", "password": "x"}},
        "serviceEndpointProjectReferences": [{"projectReference": {"name": PROJECT}}],
    }
    assert admin.ask("POST", "/_apis/serviceendpoint/endpoints", body).status_code == 400


def test_a_restart_leaves_no_waiting_job(tmp_path: Path, asked: Asked) -> None:
    with running(tmp_path) as first:
        admin = first.person("admin")
        admin.post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
        admin.post("git/repositories", {"name": "waiting"})
        admin.commit("waiting", {"waiting.yml": WAITING % 60})
        _connect(admin, asked.url)
        run = admin.run(_pipeline(admin, "waiting"))["id"]
        asked.next()
        first.kill()
    with running(tmp_path) as second:
        build = until(lambda: second.person("admin").build(run))
        assert (build["status"], build["result"]) == ("completed", "canceled")
