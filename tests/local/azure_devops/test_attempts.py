"""Stages that run again in the same run, and one that is cancelled alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import requests

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, running, until
from tests.local.azure_devops.test_gates import Place, decide, pending
from tests.local.azure_devops.test_pages import page
from tests.local.azure_devops.test_pull_requests import BUILD, complete, evaluations, policy, propose

ONCE = """
trigger: none
name: $(Date:HHmmss)$(Rev:.r)
variables: {count: "$[counter('once', 5)]"}
stages:
- stage: build
  jobs:
  - job: version
    steps:
    - checkout: none
    - bash: |
        echo "##vso[task.setvariable variable=number;isOutput=true]made at attempt $(System.JobAttempt)"
        echo "##vso[task.setvariable variable=key;isOutput=true;isSecret=true]sesame"
      name: told
  - job: flaky
    dependsOn: version
    variables:
      number: $[dependencies.version.outputs['told.number']]
      key: $[dependencies.version.outputs['told.key']]
    steps:
    - checkout: none
    - bash: echo "job $(System.JobAttempt) of stage $(System.StageAttempt), $(number), key $(key), $(count)"
    - bash: '[ $(System.JobAttempt) -gt 1 ]'
  - job: beside
    steps: [{checkout: none}, {bash: echo beside}]
- stage: report
  dependsOn: []
  jobs: [{job: report, steps: [{checkout: none}, {bash: echo report}]}]
- stage: after
  dependsOn: build
  jobs:
  - job: after
    variables: {number: "$[stageDependencies.build.version.outputs['told.number']]"}
    steps: [{checkout: none}, {bash: echo "after $(number) by $(Build.BuildNumber)"}]
"""
SHIP = """
trigger: none
stages:
- stage: ship
  jobs:
  - deployment: ship
    environment: {name}
    strategy:
      runOnce:
        deploy:
          steps:
          - checkout: none
          - publish: $(Pipeline.Workspace)
            artifact: shipped-$(System.JobAttempt)
          - bash: '[ $(System.StageAttempt) -gt 1 ]'
"""
CHECK = """
trigger: none
steps:
- checkout: none
- bash: >-
    echo of pull request $(System.PullRequest.PullRequestId) from $(System.PullRequest.SourceBranch);
    [ $(System.JobAttempt) -gt 1 ]
"""
MATRIX = """
trigger: none
stages:
- stage: train
  jobs:
  - job: model
    strategy: {matrix: {rain: {kind: rain}, hail: {kind: hail}}}
    steps:
    - checkout: none
    - bash: |
        echo "##vso[task.setvariable variable=made;isOutput=true]$(kind) at $(System.JobAttempt)"
        [ $(kind) = rain ] || [ $(System.JobAttempt) -gt 1 ]
      name: told
  - job: after
    dependsOn: model
    variables:
      rain: $[dependencies.model.outputs['rain.told.made']]
      hail: $[dependencies.model.outputs['hail.told.made']]
    steps: [{checkout: none}, {bash: echo "made $(rain) and $(hail)"}]
"""
SLOW = """
trigger: none
stages:
- stage: slow
  jobs: [{job: slow, steps: [{checkout: none}, {bash: echo started; sleep 600}]}]
- stage: other
  dependsOn: []
  jobs: [{job: other, steps: [{checkout: none}, {bash: echo other}]}]
- stage: after
  dependsOn: slow
  jobs: [{job: after, steps: [{checkout: none}, {bash: echo after}]}]
"""
BESIDE = """
trigger: none
stages:
- stage: ship
  jobs:
  - deployment: ship
    environment: {name}
    strategy: {{runOnce: {{deploy: {{steps: [{{checkout: none}}, {{bash: 'true'}}]}}}}}}
- stage: slow
  dependsOn: []
  jobs: [{{job: slow, steps: [{{checkout: none}}, {{bash: echo started; sleep 600}}]}}]
"""


def update(person: Person, run: int, stage: str, state: str = "retry", **more: bool) -> requests.Response:
    return person.ask("PATCH", f"build/builds/{run}/stages/{stage}", {"state": state, **more})


def records(person: Person, run: int, timeline: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.get(f"build/builds/{run}/timeline/{timeline}".rstrip("/"))["records"]
    return found


def results(person: Person, run: int) -> dict[str, tuple[int, str]]:
    """Attempt and result of the stages and jobs, by identifier."""
    found = [one for one in records(person, run) if one["type"] in ("Stage", "Phase")]
    return {one["identifier"]: (one["attempt"], one["result"]) for one in found}


def logs(person: Person, run: int) -> str:
    numbers = (one["id"] for one in person.every(f"build/builds/{run}/logs"))
    return "\n".join(
        line for one in numbers for line in person.get(f"build/builds/{run}/logs/{one}")["value"]
    )


def failed_once(person: Person, name: str, yaml: str = ONCE) -> int:
    """A run of the pipeline that is over and failed."""
    person.commit(name, {"azure-pipelines.yml": yaml})
    run: int = person.run(person.pipeline(name, name))["id"]
    assert person.until_over(run)["result"] == "failed"
    return run


def test_only_what_failed_runs_again_and_then_what_waited_for_it(
    standin: StandIn, dana: Person, repository: str
) -> None:
    run = failed_once(dana, repository)
    before = dana.build(run)
    assert results(dana, run)["build.flaky"] == (1, "failed")
    assert results(dana, run)["after"] == (1, "skipped")
    assert update(dana, run, "build").ok
    build = dana.until_over(run)
    shown = page(standin, f"/contoso/{PROJECT}/_build/results?buildId={run}")
    assert shown.count("attempt 2") == 2 and "Rerun failed jobs" not in shown
    kept = ("buildNumber", "startTime", "queueTime", "sourceVersion")
    assert {key: build[key] for key in kept} == {key: before[key] for key in kept}
    assert build["result"] == "succeeded"
    assert results(dana, run) == {
        "build": (2, "succeeded"),
        "build.version": (1, "succeeded"),
        "build.flaky": (2, "succeeded"),
        "build.beside": (1, "succeeded"),
        "report": (1, "succeeded"),
        "report.report": (1, "succeeded"),
        "after": (2, "succeeded"),
        "after.after": (2, "succeeded"),
    }
    told = logs(dana, run)
    assert "job 1 of stage 1, made at attempt 1, key ***, 5" in told
    assert "job 2 of stage 2, made at attempt 1, key ***, 5" in told
    assert f"after made at attempt 1 by {build['buildNumber']}" in told
    assert "sesame" not in told
    assert told.count("Z beside") == told.count("Z report") == 1


def test_of_a_matrix_only_the_leg_that_failed_runs_again(dana: Person, repository: str) -> None:
    run = failed_once(dana, repository, MATRIX)

    def legs() -> dict[str, tuple[int, str, str]]:
        listed = records(dana, run)
        phase = next(one["id"] for one in listed if one["identifier"] == "train.model")
        found = [one for one in listed if one["type"] == "Job" and one["parentId"] == phase]
        return {one["refName"]: (one["attempt"], one["result"], one["id"]) for one in found}

    before = legs()
    assert {name: one[:2] for name, one in before.items()} == {
        "rain": (1, "succeeded"),
        "hail": (1, "failed"),
    }
    assert update(dana, run, "train").ok
    assert dana.until_over(run)["result"] == "succeeded"
    after = legs()
    assert (after["rain"], after["hail"][:2]) == (before["rain"], (2, "succeeded"))
    assert "made rain at 1 and hail at 2" in logs(dana, run)
    assert update(dana, run, "train", forceRetryAllJobs=True).ok
    assert dana.until_over(run)["result"] == "succeeded"
    assert "made rain at 3 and hail at 3" in logs(dana, run)


def test_earlier_attempts_keep_a_timeline_of_their_own(
    standin: StandIn, dana: Person, repository: str
) -> None:
    run = failed_once(dana, repository)
    first = {one["id"]: one for one in records(dana, run)}
    assert update(dana, run, "build").ok
    dana.until_over(run)
    now = records(dana, run)
    stage = next(one for one in now if one["identifier"] == "build" and one["type"] == "Stage")
    (attempt,) = stage["previousAttempts"]
    assert attempt["attempt"] == 1
    past = {one["id"]: one for one in records(dana, run, attempt["timelineId"])}
    (wrote, _) = [one["id"] for one in past.values() if one["type"] == "Task" and "log" in one]
    log = page(standin, f"/contoso/{PROJECT}/_build/results?buildId={run}&view=logs&t={wrote}")
    assert "job 1 of stage 1" in log
    assert past[attempt["recordId"]]["result"] == "failed"
    assert past.keys() < first.keys()
    assert {one["identifier"] for one in past.values() if one["type"] == "Phase"} == {
        "build.flaky",
        "after.after",
    }
    ids = {one["id"] for one in now}
    assert not past.keys() & ids
    assert {one["parentId"] for one in now if "parentId" in one} <= ids
    nowhere = f"build/builds/{run}/timeline/00000000-0000-0000-0000-000000000000"
    assert dana.ask("GET", nowhere).status_code == 404


def test_a_deployment_that_failed_is_approved_anew_and_ships(
    admin: Person, dana: Person, robin: Person
) -> None:
    place = Place(admin, "ship-again")
    admin.commit("ship-again", {"azure-pipelines.yml": SHIP.replace("{name}", "ship-again")})
    place.approval(admin, "release-approvers", requesterCannotBeApprover=True)
    run = dana.run(place.pipeline)["id"]
    (first,) = until(lambda: pending(dana, run))
    assert decide(robin, first["id"]).ok
    assert dana.until_over(run)["result"] == "failed"
    assert pending(dana, run) == []
    assert update(dana, run, "ship").ok
    (second,) = until(lambda: pending(dana, run))
    assert second["id"] != first["id"]
    assert decide(robin, first["id"]).status_code == 400
    assert decide(dana, second["id"]).status_code == 403
    assert dana.build(run)["status"] == "inProgress"
    assert "result" not in dana.build(run)
    assert decide(robin, second["id"]).ok
    assert dana.until_over(run)["result"] == "succeeded"
    artifacts = dana.every(f"build/builds/{run}/artifacts")
    assert [one["name"] for one in artifacts] == ["shipped-1", "shipped-2"]
    path = f"distributedtask/environments/{place.id}/environmentdeploymentrecords"
    assert [one["result"] for one in dana.every(path)] == ["succeeded", "failed"]
    approvals = [one for one in records(dana, run) if one["type"] == "Checkpoint.Approval"]
    assert [(one["id"], one["attempt"]) for one in approvals] == [(second["id"], 2)]


def test_a_stage_that_succeeded_runs_again_only_by_force(dana: Person, repository: str) -> None:
    run = failed_once(dana, repository)
    refused = update(dana, run, "report")
    assert (refused.status_code, refused.json()["typeKey"]) == (400, "InvalidBuildException")
    assert "report that is succeeded" in refused.json()["message"]
    assert update(dana, run, "nowhere").status_code == 404
    assert update(dana, run, "build", state="begin").status_code == 400
    assert update(dana, run, "build", forceRetryAllJobs=True, retryDependencies=False).ok
    assert dana.until_over(run)["result"] == "succeeded"
    found = results(dana, run)
    assert {found[name] for name in ("build", "build.version", "build.beside")} == {(2, "succeeded")}
    assert (found["report"], found["after"]) == ((1, "succeeded"), (1, "skipped"))
    assert "made at attempt 2" in logs(dana, run)


def test_all_that_failed_in_a_run_is_retried_at_once(dana: Person, repository: str) -> None:
    run = failed_once(dana, repository, ONCE.replace("echo report", "'[ $(System.JobAttempt) -gt 2 ]'"))
    path = f"build/builds/{run}"
    answer = dana.ask("PATCH", path, {"status": "cancelling"}, retry="true")
    assert answer.status_code == 400
    assert "must be empty" in answer.json()["message"]
    assert dana.ask("PATCH", path, retry="true").json()["status"] != "completed"
    assert dana.until_over(run)["result"] == "failed"
    assert results(dana, run)["report"] == (2, "failed")
    assert results(dana, run)["after"] == (2, "succeeded")
    assert dana.ask("PATCH", path, retry="true").ok
    assert dana.until_over(run)["result"] == "succeeded"
    assert results(dana, run)["report"] == (3, "succeeded")
    assert results(dana, run)["build"] == (2, "succeeded")
    answer = dana.ask("PATCH", path, retry="true")
    assert answer.status_code == 400
    assert "has no stage that failed" in answer.json()["message"]


def test_a_check_that_is_rerun_lets_its_pull_request_merge(
    admin: Person, dana: Person, repository: str
) -> None:
    """As the run itself does, it says which pull request it is for."""
    admin.commit(repository, {"check.yml": CHECK})
    pipeline = admin.pipeline(f"check-{repository}", repository, "/check.yml")
    policy(admin, repository, BUILD, buildDefinitionId=pipeline, displayName="check")
    dana.commit(repository, {"a.txt": ""}, branch="topic")
    number = propose(dana, repository, "topic")
    (rejected,) = until(lambda: [one for one in evaluations(dana, number) if one["status"] == "rejected"])
    run = rejected["context"]["buildId"]
    assert update(dana, run, "__default").ok
    assert "completedDate" not in evaluations(dana, number)[0]
    assert dana.until_over(run)["result"] == "succeeded"
    assert f"of pull request {number} from refs/heads/topic" in logs(dana, run)
    until(lambda: evaluations(dana, number)[0]["status"] == "approved")
    assert complete(dana, repository, number).json()["status"] == "completed"


def test_a_run_that_succeeds_twice_is_kept_once(dana: Person, repository: str) -> None:
    dana.commit(repository, {"azure-pipelines.yml": "trigger: none\nsteps: [{bash: 'true'}]\n"})
    run = dana.run(dana.pipeline(repository, repository))["id"]
    dana.until_over(run)
    (lease,) = until(lambda: dana.every(f"build/builds/{run}/leases"))
    assert update(dana, run, "__default", forceRetryAllJobs=True).ok
    dana.until_over(run)
    assert dana.every(f"build/builds/{run}/leases") == [lease]
    assert results(dana, run)["__default"] == (2, "succeeded")


def test_a_stage_is_cancelled_alone_and_can_be_retried(dana: Person, repository: str) -> None:
    dana.commit(repository, {"azure-pipelines.yml": SLOW})
    run = dana.run(dana.pipeline(repository, repository))["id"]
    until(lambda: "Z started" in logs(dana, run))
    assert update(dana, run, "slow").status_code == 400
    assert update(dana, run, "slow", state="cancel").ok
    assert dana.until_over(run)["result"] == "canceled"
    found = results(dana, run)
    assert {name: found[name][1] for name in ("slow", "other", "after")} == {
        "slow": "canceled",
        "other": "succeeded",
        "after": "skipped",
    }
    assert update(dana, run, "slow", state="cancel").status_code == 400
    assert update(dana, run, "slow").ok
    until(lambda: logs(dana, run).count("Z started") == 2)
    assert dana.patch(f"build/builds/{run}", {"status": "cancelling"})["status"] == "cancelling"
    assert dana.until_over(run)["result"] == "canceled"
    assert results(dana, run)["slow"] == (2, "canceled")
    assert results(dana, run)["other"] == (1, "succeeded")


def test_a_stage_that_waits_for_an_approval_is_cancelled_alone(admin: Person, dana: Person) -> None:
    place = Place(admin, "waiting-alone")
    place.approval(admin, "release-approvers")
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    assert update(dana, run, "ship", state="cancel").ok
    assert dana.until_over(run)["result"] == "canceled"
    assert dana.get(f"pipelines/approvals/{waiting['id']}")["status"] == "canceled"


def test_the_approval_of_a_stage_that_is_cancelled_alone_is_withdrawn_while_the_run_goes_on(
    admin: Person, dana: Person
) -> None:
    place = Place(admin, "waiting-beside")
    place.approval(admin, "release-approvers")
    admin.commit("waiting-beside", {"azure-pipelines.yml": BESIDE.format(name="waiting-beside")})
    run = dana.run(place.pipeline)["id"]
    (waiting,) = until(lambda: pending(dana, run))
    until(lambda: "Z started" in logs(dana, run))
    assert update(dana, run, "ship", state="cancel").ok
    approval = f"pipelines/approvals/{waiting['id']}"
    until(lambda: dana.get(approval)["status"] == "canceled" or "result" in dana.build(run))
    assert dana.get(approval)["status"] == "canceled"
    assert dana.build(run)["status"] == "inProgress"
    assert dana.patch(f"build/builds/{run}", {"status": "cancelling"})["status"] == "cancelling"
    assert dana.until_over(run)["result"] == "canceled"


def test_who_may_not_queue_runs_retries_none(admin: Person, dana: Person, repository: str) -> None:
    run = failed_once(dana, repository)
    project = admin.get("/_apis/projects/weather")["id"]
    namespace = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"
    entry = {"descriptor": _descriptor(admin, "dana"), "allow": 0, "deny": 128}
    pipeline = dana.build(run)["definition"]["id"]
    body = {"token": f"{project}/{pipeline}", "merge": True, "accessControlEntries": [entry]}
    admin.post(f"/_apis/accesscontrolentries/{namespace}", body)
    refused = update(dana, run, "build")
    assert refused.status_code == 403
    assert "queue builds" in refused.json()["message"]
    assert results(dana, run)["build"] == (1, "failed")


def _descriptor(person: Person, name: str) -> str:
    (found,) = person.every("/_apis/identities", searchFilter="General", filterValue=name)
    descriptor: str = found["descriptor"]
    return descriptor


def test_a_run_outlives_a_restart_and_goes_on(tmp_path: Path) -> None:
    """Also one that was interrupted: what had succeeded by then stands."""
    slow = ONCE.replace("'[ $(System.JobAttempt) -gt 1 ]'", "'[ $(System.JobAttempt) -gt 1 ] || sleep 600'")
    with running(tmp_path) as first:
        admin = first.person("admin")
        admin.post("/_apis/projects", {"name": "weather"})
        admin.post("git/repositories", {"name": "over"})
        over = failed_once(admin, "over")
        admin.post("git/repositories", {"name": "cut"})
        admin.commit("cut", {"azure-pipelines.yml": slow})
        cut = admin.run(admin.pipeline("cut", "cut"))["id"]
        until(lambda: "job 1 of stage 1" in logs(admin, cut))
        until(lambda: re.search("Z report", logs(admin, cut)))
        first.kill()
    with running(tmp_path) as second:
        admin = second.person("admin")
        for run in (over, cut):
            assert update(admin, run, "build").ok
        for run in (over, cut):
            assert admin.until_over(run)["result"] == "succeeded"
            assert "job 2 of stage 2, made at attempt 1, key ***" in logs(admin, run)
            assert results(admin, run)["build.version"] == (1, "succeeded")
