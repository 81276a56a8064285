"""Checks before stages: really evaluated, whoever runs the pipeline and whatever its YAML says."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from isthmus.local.azure_devops.hours import opening, wait
from tests.local.azure_devops.standin import PROJECT, Person, StandIn, running, until

APPROVAL = "8c6f20a7-a545-4486-9777-f762fafe0d4d"
EXCLUSIVE_LOCK = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"
EXTENDS = "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3"
TASK = "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7"
BRANCH_CONTROL = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b"
BUSINESS_HOURS = "445fde2f-6c39-441c-807f-8a59ff2e075f"
DEPLOY = """
trigger: none
pool: {{vmImage: ubuntu-latest}}
stages:
- stage: ship
  lockBehavior: {lock}
  jobs:
  - deployment: ship
    environment: {environment}
    strategy:
      runOnce:
        deploy:
          steps:
          - checkout: none
          - bash: echo shipped; sleep {sleep}
"""
TEMPLATE = """
parameters: [{name: environment, type: string}]
stages:
- stage: ship
  jobs:
  - deployment: ship
    environment: ${{ parameters.environment }}
    strategy: {runOnce: {deploy: {steps: [{checkout: none}, {bash: echo shipped}]}}}
"""
EXTENDING = """
trigger: none
resources:
  repositories:
  - {{repository: guard, type: git, name: guard, ref: refs/heads/main}}
extends:
  template: ship.yml@guard
  parameters: {{environment: {environment}}}
"""


class Place:
    """An environment of its own, and a pipeline that deploys to it."""

    def __init__(self, admin: Person, name: str, *, sleep: float = 0, lock: str = "sequential") -> None:
        self.admin, self.name = admin, name
        self.id = admin.post("distributedtask/environments", {"name": name, "description": ""})["id"]
        admin.post("git/repositories", {"name": name})
        admin.commit(name, {"azure-pipelines.yml": DEPLOY.format(environment=name, sleep=sleep, lock=lock)})
        self.pipeline = admin.pipeline(name, name)
        self.authorize()

    def authorize(self, *, allowed: bool = True) -> None:
        body = {"pipelines": [{"id": self.pipeline, "authorized": allowed}]}
        self.admin.patch(f"pipelines/pipelinepermissions/environment/{self.id}", body)

    def check(self, kind: str, settings: dict[str, Any], timeout: int = 60) -> int:
        body = {
            "type": {"id": kind, "name": "a check"},
            "settings": settings,
            "resource": {"type": "environment", "id": str(self.id), "name": self.name},
            "timeout": timeout,
        }
        number: int = self.admin.post("pipelines/checks/configurations", body)["id"]
        return number

    def approval(self, admin: Person, *who: str, **settings: Any) -> int:
        approvers = [{"id": identity(admin, name)} for name in who]
        usual = {"executionOrder": "anyOrder", "minRequiredApprovers": 1, "instructions": "Look."}
        return self.check(APPROVAL, usual | {"approvers": approvers, "blockedApprovers": []} | settings)


def identity(person: Person, name: str) -> str:
    (found,) = person.every("/_apis/identities", searchFilter="General", filterValue=name)
    key: str = found["id"]
    return key


def pending(person: Person, run: int) -> list[dict[str, Any]]:
    found = person.every("pipelines/approvals", state="pending", **{"$expand": "steps"})
    return [one for one in found if one["pipeline"]["owner"]["id"] == run]


def decide(person: Person, approval: str, status: str = "approved", comment: str = "Good"):
    body = [{"approvalId": approval, "status": status, "comment": comment}]
    return person.ask("PATCH", "pipelines/approvals", body)


def stage_issue(person: Person, run: int) -> str:
    records = person.get(f"build/builds/{run}/timeline")["records"]
    return str([issue["message"] for one in records for issue in one.get("issues", [])])


def test_an_approval_holds_the_stage_until_somebody_who_may_approves(
    admin: Person, dana: Person, robin: Person
) -> None:
    place = Place(admin, "approved")
    place.approval(admin, "release-approvers", requesterCannotBeApprover=True)
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    assert waiting["steps"][0]["assignedApprover"]["displayName"].endswith("release-approvers")
    assert dana.build(run)["status"] == "inProgress"
    assert decide(dana, waiting["id"]).status_code == 403
    assert decide(admin, waiting["id"]).status_code == 403
    (approved,) = decide(robin, waiting["id"], comment="Ship it").json()["value"]
    assert approved["status"] == "approved"
    assert approved["steps"][0]["actualApprover"]["displayName"] == "Robin Release"
    assert approved["steps"][0]["comment"] == "Ship it"
    assert dana.until_over(run)["result"] == "succeeded"
    assert decide(robin, waiting["id"]).status_code == 400
    records = dana.every(f"distributedtask/environments/{place.id}/environmentdeploymentrecords")
    assert [(one["owner"]["id"], one["result"]) for one in records] == [(run, "succeeded")]
    timeline = dana.get(f"build/builds/{run}/timeline")["records"]
    assert next(one for one in timeline if one["id"] == waiting["id"])["type"] == "Checkpoint.Approval"


def test_the_requester_cannot_approve(admin: Person, robin: Person) -> None:
    place = Place(admin, "requested")
    place.approval(admin, "release-approvers", requesterCannotBeApprover=True)
    run = robin.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(robin, run))
    refused = decide(robin, waiting["id"])
    assert (refused.status_code, refused.json()["typeKey"]) == (403, "ApprovalUnauthorizedException")
    robin.patch(f"build/builds/{run}", {"status": "cancelling"})
    assert robin.until_over(run)["result"] == "canceled"
    assert robin.get(f"pipelines/approvals/{waiting['id']}")["status"] == "canceled"


def test_a_rejection_says_who_and_why(admin: Person, dana: Person, robin: Person) -> None:
    place = Place(admin, "rejected")
    place.approval(admin, "release-approvers")
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    assert decide(robin, waiting["id"], "rejected", "Too slow").ok
    assert dana.until_over(run)["result"] == "failed"
    assert "Robin Release rejected" in stage_issue(dana, run)
    assert "Too slow" in stage_issue(dana, run)


def test_two_approvers_may_be_needed(admin: Person, dana: Person, robin: Person) -> None:
    place = Place(admin, "twice")
    place.approval(admin, "robin", "admin", minRequiredApprovers=2)
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    assert decide(robin, waiting["id"]).json()["value"][0]["status"] == "pending"
    assert decide(admin, waiting["id"]).json()["value"][0]["status"] == "approved"
    assert dana.until_over(run)["result"] == "succeeded"


def test_who_is_an_approver_in_two_ways_is_still_one_person(
    admin: Person, dana: Person, robin: Person
) -> None:
    """By name and by group: two are asked for, and the second must be somebody else."""
    place = Place(admin, "both")
    place.approval(admin, "robin", "release-approvers", "admin", minRequiredApprovers=2)
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    assert decide(robin, waiting["id"]).json()["value"][0]["status"] == "pending"
    again = decide(robin, waiting["id"])
    assert (again.status_code, "has decided" in again.text) == (400, True)
    assert decide(dana, waiting["id"]).status_code == 403
    assert dana.get(f"pipelines/approvals/{waiting['id']}")["status"] == "pending"
    assert decide(admin, waiting["id"]).json()["value"][0]["status"] == "approved"
    assert dana.until_over(run)["result"] == "succeeded"


def test_an_approval_of_another_project_or_of_nothing_is_none(robin: Person) -> None:
    assert decide(robin, "00000000-0000-0000-0000-000000000001").status_code == 404


def test_an_unauthorized_pipeline_does_not_get_in(admin: Person, dana: Person) -> None:
    place = Place(admin, "strange")
    place.authorize(allowed=False)
    run = dana.run(place.pipeline)["id"]
    assert dana.until_over(run)["result"] == "failed"
    assert "not authorized" in stage_issue(dana, run)


def test_branch_control(admin: Person, dana: Person) -> None:
    place = Place(admin, "branches")
    inputs = {"allowedBranches": "refs/heads/main", "ensureProtectionOfBranch": "false"}
    settings = {"displayName": "b", "definitionRef": {"id": BRANCH_CONTROL}, "inputs": inputs}
    number = place.check(TASK, settings)
    dana.commit("branches", {"x": "x"}, branch="topic")
    topic = {"resources": {"repositories": {"self": {"refName": "refs/heads/topic"}}}}
    run = dana.post(f"pipelines/{place.pipeline}/runs", topic)["id"]
    assert dana.until_over(run)["result"] == "failed"
    assert "refs/heads/topic" in stage_issue(dana, run)
    assert dana.until_over(dana.run(place.pipeline)["id"])["result"] == "succeeded"
    inputs["ensureProtectionOfBranch"] = "true"
    admin.patch(f"pipelines/checks/configurations/{number}", {"settings": settings | {"inputs": inputs}})
    assert dana.until_over(dana.run(place.pipeline)["id"])["result"] == "failed"


def test_required_template(admin: Person, dana: Person) -> None:
    place = Place(admin, "templated")
    admin.post("git/repositories", {"name": "guard"})
    admin.commit("guard", {"ship.yml": TEMPLATE})
    required = {
        "repositoryType": "git",
        "repositoryName": f"{PROJECT}/guard",
        "repositoryRef": "refs/heads/main",
        "templatePath": "ship.yml",
    }
    place.check(EXTENDS, {"extendsChecks": [required]})
    run = dana.run(place.pipeline)["id"]
    assert dana.until_over(run)["result"] == "failed"
    assert "required template" in stage_issue(dana, run)
    dana.commit("templated", {"azure-pipelines.yml": EXTENDING.format(environment="templated")})
    run = dana.run(place.pipeline)["id"]
    assert dana.until_over(run)["result"] == "succeeded", stage_issue(dana, run)


@pytest.mark.parametrize("lock", ["sequential", "runLatest"])
def test_exclusive_lock(admin: Person, dana: Person, robin: Person, lock: str) -> None:
    place = Place(admin, f"locked-{lock.lower()}", lock=lock)
    place.approval(admin, "robin")
    place.check(EXCLUSIVE_LOCK, {})
    first, second, third = (dana.run(place.pipeline)["id"] for _ in range(3))
    admin.commit(
        place.name, {"azure-pipelines.yml": DEPLOY.format(environment=place.name, sleep=0, lock=lock)}
    )
    for run in (third, second, first):
        (waiting,) = until(lambda run=run: pending(dana, run))
        assert decide(robin, waiting["id"]).ok
    results = [dana.until_over(run)["result"] for run in (first, second, third)]
    assert results[2] == "succeeded"
    if lock == "sequential":
        assert results == ["succeeded"] * 3
    spans = sorted(
        (one["startTime"], one["finishTime"])
        for one in dana.every(f"distributedtask/environments/{place.id}/environmentdeploymentrecords")
        if one["result"] == "succeeded"
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_only_checks_that_are_evaluated_can_be_made(admin: Person, dana: Person) -> None:
    number = admin.post("distributedtask/environments", {"name": "picky", "description": ""})["id"]
    resource = {"type": "environment", "id": str(number), "name": "picky"}
    hours = {"definitionRef": {"id": "445fde2f-6c39-441c-807f-8a59ff2e075f"}, "inputs": {}}
    for kind, settings in ((TASK, hours), (APPROVAL, {"approvers": []}), ("0" * 8, {}), (EXTENDS, {})):
        body = {"type": {"id": kind}, "settings": settings, "resource": resource, "timeout": 60}
        assert admin.ask("POST", "pipelines/checks/configurations", body).status_code == 400, kind
    lock = {"type": {"id": EXCLUSIVE_LOCK}, "settings": {}, "resource": resource, "timeout": 60}
    assert dana.ask("POST", "pipelines/checks/configurations", lock).status_code == 403
    made = admin.post("pipelines/checks/configurations", lock)
    listed = admin.every("pipelines/checks/configurations", resourceType="environment", resourceId=number)
    assert [one["id"] for one in listed] == [made["id"]]
    assert admin.ask("DELETE", f"pipelines/checks/configurations/{made['id']}").ok
    assert admin.ask("GET", f"pipelines/checks/configurations/{made['id']}").status_code == 404


def test_a_waiting_run_holds_no_agent(standin: StandIn, admin: Person, dana: Person, robin: Person) -> None:
    place = Place(admin, "patient")
    place.approval(admin, "robin")
    waiting = [dana.run(place.pipeline)["id"] for _ in range(5)]
    for run in waiting:
        until(lambda run=run: pending(dana, run))
    free = Place(admin, "free")
    assert dana.until_over(dana.run(free.pipeline)["id"])["result"] == "succeeded"
    for run in waiting:
        dana.patch(f"build/builds/{run}", {"status": "cancelling"})
        dana.until_over(run)


def hours(**inputs: str) -> dict[str, Any]:
    """The settings of a check that is open in no minute but that before midnight, but for what is given."""
    usual = {"businessDays": "Monday", "timeZone": "UTC", "startTime": "23:58", "endTime": "23:59"}
    reference = {"id": BUSINESS_HOURS, "name": "evaluateBusinessHours", "version": "0.0.1"}
    return {
        "displayName": "Office hours",
        "definitionRef": reference,
        "inputs": usual | inputs,
        "retryInterval": 5,
    }


def test_outside_business_hours_a_stage_waits(admin: Person, dana: Person, robin: Person) -> None:
    place = Place(admin, "shut")
    today = datetime.now(UTC)
    others = ",".join((today + timedelta(days=ahead)).strftime("%A") for ahead in range(2, 6))
    number = place.check(TASK, hours(businessDays=others, startTime="00:00", endTime="23:59"))
    place.approval(admin, "release-approvers")
    run = dana.run(place.pipeline)["id"]
    decide(robin, until(lambda: pending(dana, run))[0]["id"])

    def waiting() -> list[str]:
        records = dana.get(f"build/builds/{run}/timeline")["records"]
        return [
            one["name"]
            for one in records
            if one["type"] == "Checkpoint.TaskCheck" and one["state"] == "inProgress"
        ]

    assert until(waiting) == ["Office hours"]
    dana.patch(f"build/builds/{run}", {"status": "cancelling"})
    assert dana.until_over(run)["result"] == "canceled"
    always = ",".join((today + timedelta(days=ahead)).strftime("%A") for ahead in range(7))
    zone = "UTC" if today.hour < 23 else "India Standard Time"
    settings = hours(businessDays=always, startTime="00:00", endTime="23:59", timeZone=zone)
    admin.patch(f"pipelines/checks/configurations/{number}", {"settings": settings})
    run = dana.run(place.pipeline)["id"]
    decide(robin, until(lambda: pending(dana, run))[0]["id"])
    assert dana.until_over(run)["result"] == "succeeded"


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        # In Berlin: a Thursday in winter, its evening, the Friday, the weekend; and when clocks change.
        ("2026-11-26T08:00", "2026-11-26T08:00"),
        ("2026-11-26T07:59", "2026-11-26T08:00"),
        ("2026-11-26T16:00", "2026-11-27T08:00"),
        ("2026-11-27T15:59", "2026-11-27T15:59"),
        ("2026-11-27T16:00", "2026-11-30T08:00"),
        ("2026-03-27T16:00", "2026-03-30T07:00"),
        ("2026-10-23T15:00", "2026-10-26T08:00"),
    ],
)
def test_when_business_hours_begin(moment: str, opens: str) -> None:
    inputs = {
        "businessDays": "Monday, Tuesday,Wednesday,Thursday,Friday",
        "timeZone": "W. Europe Standard Time",
        "startTime": "09:00",
        "endTime": "17:00",
    }
    assert opening(inputs, datetime.fromisoformat(f"{moment}Z")) == datetime.fromisoformat(f"{opens}Z")


def test_business_hours_are_waited_for_until_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that runs as fast as it is waited for."""
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    changed, slept = threading.Condition(), list[float]()

    def sleep(seconds: float) -> None:
        nonlocal moment
        slept.append(seconds)
        moment += timedelta(seconds=seconds)

    monkeypatch.setattr(changed, "wait", sleep)
    check = {"settings": hours(), "resource": ["environment", "1"], "resourceName": "prod"}
    minutes = 4 * 24 * 60 + 12 * 60
    in_time, late = check | {"timeout": minutes}, check | {"timeout": minutes - 12 * 60}
    assert wait(changed, [in_time], threading.Event(), lambda: moment).allowed
    assert moment == datetime(2026, 11, 30, 23, 58, tzinfo=UTC) and len(slept) == 1
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    decision = wait(changed, [in_time, late], threading.Event(), lambda: moment)
    assert not decision.allowed and "'prod' did not come in time" in decision.message
    assert moment == datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"businessDays": "Monday,Funday"}, "'funday' is no day"),
        ({"startTime": "9 am"}, "'9 am' is no time of day"),
        ({"endTime": "01:00"}, "endTime must come after startTime"),
        ({"timeZone": "Europe/Berlin"}, "no time zone that is known by Windows"),
    ],
)
def test_business_hours_that_cannot_be_evaluated_are_refused(
    admin: Person, inputs: dict[str, str], said: str
) -> None:
    made = admin.every("distributedtask/environments", name="odd-hours")
    body = {"name": "odd-hours", "description": ""}
    place = made[0] if made else admin.post("distributedtask/environments", body)
    body = {
        "type": {"id": TASK, "name": "Task Check"},
        "settings": hours(**inputs),
        "resource": {"type": "environment", "id": str(place["id"])},
    }
    refused = admin.ask("POST", "pipelines/checks/configurations", body)
    assert (refused.status_code, said in refused.text) == (400, True), refused.text


def test_it_stops_with_runs_that_wait_and_says_nothing_of_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as first:
        admin = first.person("admin")
        admin.post("/_apis/projects", {"name": PROJECT})
        place = Place(admin, "waited-for")
        place.approval(admin, "release-approvers")
        runs = [admin.run(place.pipeline)["id"] for _ in range(10)]
        until(lambda: all(pending(admin, run) for run in runs))
        first.process.terminate()
        first.process.wait(timeout=60)
    assert "Error" not in capfd.readouterr().err
    with running(tmp_path) as second:
        assert {second.person("admin").build(run)["result"] for run in runs} == {"canceled"}
