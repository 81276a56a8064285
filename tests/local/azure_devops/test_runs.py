"""Runs: asked for, validated, carried out, cancelled, and what they leave behind."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import requests

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, running, until

HELLO = """
trigger: none
parameters:
- name: who
  type: string
  default: world
  values: [world, moon]
pool: {vmImage: ubuntu-latest}
steps:
- bash: |
    echo "hello $WHO"
    echo "##vso[build.addbuildtag]greeted"
    mkdir -p "$BUILD_ARTIFACTSTAGINGDIRECTORY/out/deep"
    echo hi > "$BUILD_ARTIFACTSTAGINGDIRECTORY/out/deep/greeting.txt"
    printf '%s' '<testsuite><testcase classname="t" name="ok" time="0.5"/>' > results.xml
    printf 'a plot' > plot.png
    echo '<testcase classname="t" name="left"><skipped message="no time"/></testcase>' >> results.xml
    echo '<testcase classname="t" name="bad"><failure message="no"/>' >> results.xml
    echo '<system-out>said [[ATTACHMENT|plot.png]] [[ATTACHMENT|/etc/passwd]]</system-out>' >> results.xml
    echo '</testcase></testsuite>' >> results.xml
    echo '# Summary' > summary.md
    echo "##vso[task.uploadsummary]$PWD/summary.md"
  displayName: Greet
  env: {WHO: '${{ parameters.who }}'}
- task: PublishPipelineArtifact@1
  inputs: {targetPath: $(Build.ArtifactStagingDirectory)/out, artifact: out}
- task: PublishTestResults@2
  inputs: {testResultsFormat: JUnit, testResultsFiles: results.xml, testRunTitle: Some tests}
"""
ENDLESS = """
trigger: none
pool: {vmImage: ubuntu-latest}
steps:
- bash: echo started; sleep 600
"""
STAGES = """
trigger: none
stages:
- stage: one
  jobs: [{job: a, steps: [{bash: echo one}]}]
- stage: two
  dependsOn: []
  jobs: [{job: a, steps: [{bash: echo two}]}]
- stage: must
  isSkippable: false
  dependsOn: [two]
  jobs: [{job: a, steps: [{bash: echo must}]}]
"""
CI = """
trigger:
  branches: {include: [main, release/*], exclude: [release/old]}
  paths: {exclude: [docs]}
pool: {vmImage: ubuntu-latest}
steps:
- bash: echo ci
"""


INSTALLS = """
trigger: none
steps:
- bash: python -m pip --version && pip list --format freeze
- {bash: python -c 'import isthmus', displayName: sees}
- {bash: command -v isthmus, condition: always(), displayName: has}
"""


@pytest.fixture(scope="module")
def hello(standin: StandIn) -> int:
    admin = standin.person("admin")
    admin.post("git/repositories", {"name": "hello"})
    admin.commit("hello", {"azure-pipelines.yml": HELLO, "stages.yml": STAGES})
    return admin.pipeline("hello", "hello")


def test_a_run_and_what_it_leaves(dana: Person, hello: int) -> None:
    run = dana.run(hello, who="moon")
    assert (run["state"], run["templateParameters"]) == ("inProgress", {"who": "moon"})
    build = dana.until_over(run["id"])
    assert (build["result"], build["reason"], build["tags"]) == ("succeeded", "manual", ["greeted"])
    assert build["requestedFor"]["displayName"] == "Dana Scientist"
    assert dana.get(f"pipelines/{hello}/runs/{run['id']}")["result"] == "succeeded"
    _timeline_and_log(dana, run["id"])
    _artifact(dana, run["id"])
    _tests(dana, run["id"])


def _timeline_and_log(dana: Person, number: int) -> None:
    timeline = dana.get(f"build/builds/{number}/timeline")
    step = next(one for one in timeline["records"] if one["name"] == "Greet")
    assert (step["type"], step["result"]) == ("Task", "succeeded")
    lines = dana.get(f"build/builds/{number}/logs/{step['log']['id']}")["value"]
    assert any(line.endswith("Z hello moon") for line in lines)
    logs = dana.every(f"build/builds/{number}/logs")
    assert step["log"]["id"] in [one["id"] for one in logs]
    listed = dana.every(f"build/builds/{number}/attachments/Distributedtask.Core.Summary")
    assert len(listed) == 1


def _artifact(dana: Person, number: int) -> None:
    (artifact,) = dana.every(f"build/builds/{number}/artifacts")
    assert artifact["name"] == "out"
    path = f"build/builds/{number}/artifacts"
    content = dana.ask("GET", path, artifactName="out", **{"$format": "zip"}).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("out/deep/greeting.txt") == b"hi\n"
    assert dana.ask("GET", path, artifactName="none").status_code == 404


def _tests(dana: Person, number: int) -> None:
    (tests,) = dana.every("test/runs", buildUri=f"vstfs:///Build/Build/{number}")
    assert (tests["name"], tests["totalTests"], tests["passedTests"]) == ("Some tests", 3, 1)
    failed = dana.every(f"test/runs/{tests['id']}/results", outcomes="Failed")
    assert [(one["automatedTestName"], one["errorMessage"]) for one in failed] == [("t.bad", "no")]
    left = dana.every(f"test/runs/{tests['id']}/results", outcomes="NotExecuted")
    assert [(one["automatedTestName"], one["errorMessage"]) for one in left] == [("t.left", "no time")]
    path = f"test/runs/{tests['id']}/results/{failed[0]['id']}/attachments"
    (attached,) = dana.every(path)
    assert (attached["fileName"], attached["size"]) == ("plot.png", 6)
    assert dana.ask("GET", f"{path}/{attached['id']}").content == b"a plot"
    assert dana.ask("GET", f"{path}/99").status_code == 404


@pytest.mark.parametrize("ours", [True, False])
def test_only_repositories_of_ours_see_isthmus_before_they_install_it(admin: Person, ours: bool) -> None:
    """As in Azure, where a job's Python holds what its steps have installed."""
    repository = f"installs-{ours}"
    admin.post("git/repositories", {"name": repository})
    config = {"model.yaml": "name: rain\n"} if ours else {}
    admin.commit(repository, {"azure-pipelines.yml": INSTALLS, **config})
    run = admin.run(admin.pipeline(repository, repository))
    admin.until_over(run["id"])
    records = admin.get(f"build/builds/{run['id']}/timeline")["records"]
    results = {one["name"]: one["result"] for one in records if one["type"] == "Task"}
    seen = "succeeded" if ours else "failed"
    assert results == {"Checkout self": "succeeded", "Bash": "succeeded", "sees": seen, "has": seen}


def test_parameters_are_validated(dana: Person, hello: int) -> None:
    body = {"resources": {"repositories": {"self": {"refName": "refs/heads/main"}}}}
    for parameters, said in (({"who": "mars"}, "mars"), ({"whom": "moon"}, "whom")):
        answer = dana.ask("POST", f"pipelines/{hello}/runs", body | {"templateParameters": parameters})
        assert answer.status_code == 400
        assert answer.json()["typeKey"] == "PipelineValidationException"
        assert said in answer.json()["message"]
    wrong = {"resources": {"repositories": {"self": {"refName": "refs/heads/nowhere"}}}}
    assert dana.ask("POST", f"pipelines/{hello}/runs", wrong).status_code == 400
    assert dana.ask("POST", f"pipelines/{hello}/runs", {"templateParameters": {"who": 1}}).status_code == 400
    assert dana.ask("POST", "pipelines/999/runs", {}).status_code == 404


def test_preview_runs_nothing(dana: Person, hello: int) -> None:
    before = len(dana.every("build/builds", definitions=hello))
    shown = dana.post(
        f"pipelines/{hello}/preview", {"previewRun": True, "templateParameters": {"who": "moon"}}
    )
    assert "moon" in shown["finalYaml"]
    override = "steps:\n- bash: echo overridden"
    shown = dana.post(f"pipelines/{hello}/preview", {"previewRun": True, "yamlOverride": override})
    assert "overridden" in shown["finalYaml"]
    assert len(dana.every("build/builds", definitions=hello)) == before


def test_builds_are_found_by_filters(dana: Person, hello: int) -> None:
    numbers = [dana.run(hello)["id"] for _ in range(3)]
    assert dana.ask("PUT", f"build/builds/{numbers[0]}/tags/key%3Aone/two").json()["value"] == ["key:one/two"]
    tagged = dana.every("build/builds", definitions=hello, tagFilters="key:one/two")
    assert [one["id"] for one in tagged] == numbers[:1]
    newest = dana.every("build/builds", definitions=hello, **{"$top": 2})
    assert [one["id"] for one in newest] == [numbers[2], numbers[1]]
    assert dana.every("build/builds", definitions=hello, buildIds=numbers[1])[0]["id"] == numbers[1]
    assert dana.every("build/builds", definitions=hello, tagFilters="nobody") == []
    for number in numbers:
        dana.until_over(number)
    over = dana.every("build/builds", definitions=hello, statusFilter="completed", resultFilter="succeeded")
    assert set(numbers) <= {one["id"] for one in over}


def test_cancel(dana: Person, repository: str) -> None:
    dana.commit(repository, {"azure-pipelines.yml": ENDLESS})
    run = dana.run(dana.pipeline(repository, repository))
    until(lambda: "started" in _all_logs(dana, run["id"]))
    assert dana.patch(f"build/builds/{run['id']}", {"status": "cancelling"})["status"] == "cancelling"
    assert dana.until_over(run["id"])["result"] == "canceled"
    assert dana.ask("PATCH", f"build/builds/{run['id']}", {"status": "cancelling"}).status_code == 400


def _all_logs(person: Person, run: int) -> str:
    logs = (one["id"] for one in person.every(f"build/builds/{run}/logs"))
    return str([person.get(f"build/builds/{run}/logs/{one}")["value"] for one in logs])


def test_stages_can_be_skipped_unless_they_must_not(dana: Person, hello: int) -> None:
    number = dana.pipeline("stages", "hello", "/stages.yml")
    run = dana.post(f"pipelines/{number}/runs", {"stagesToSkip": ["one"]})
    assert dana.until_over(run["id"])["result"] == "succeeded"
    records = dana.get(f"build/builds/{run['id']}/timeline")["records"]
    stages = {one["identifier"]: one["result"] for one in records if one["type"] == "Stage"}
    assert stages == {"one": "skipped", "two": "succeeded", "must": "succeeded"}
    for name in ("must", "none"):
        assert dana.ask("POST", f"pipelines/{number}/runs", {"stagesToSkip": [name]}).status_code == 400


def test_a_push_triggers_what_the_yaml_says(dana: Person, repository: str) -> None:
    dana.commit(repository, {"azure-pipelines.yml": CI})
    pipeline = dana.pipeline(repository, repository)

    def runs() -> list[tuple[str, str]]:
        found = dana.every("build/builds", definitions=pipeline)
        return [(one["sourceBranch"], one["reason"]) for one in found]

    dana.commit(repository, {"docs/a.md": "a"})
    dana.commit(repository, {"a.py": "a"}, branch="topic")
    dana.commit(repository, {"a.py": "b"}, branch="release/old")
    dana.commit(repository, {"a.py": "c"}, message="Not now [skip ci]")
    assert runs() == []
    commit = dana.commit(repository, {"a.py": "d"})
    assert runs() == [("refs/heads/main", "individualCI")]
    assert dana.every("build/builds", definitions=pipeline)[0]["sourceVersion"] == commit
    dana.commit(repository, {"azure-pipelines.yml": CI + "- nonsense: true\n"})
    broken = dana.every("build/builds", definitions=pipeline)[0]
    assert (broken["status"], broken["result"]) == ("completed", "failed")
    assert "nonsense" in broken["validationResults"][0]["message"]


def test_a_run_in_flight_is_shown_as_canceled_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        admin = first.person("admin")
        admin.post("/_apis/projects", {"name": "weather"})
        admin.commit("weather", {"azure-pipelines.yml": ENDLESS})
        run = admin.run(admin.pipeline("endless", "weather"))
        until(lambda: "started" in _all_logs(admin, run["id"]))
        first.kill()
    with running(tmp_path) as second:
        build = second.person("admin").build(run["id"])
        assert (build["status"], build["result"]) == ("completed", "canceled")
        assert "restarted" in build["validationResults"][0]["message"]
        records = second.person("admin").get(f"build/builds/{run['id']}/timeline")["records"]
        assert {one["state"] for one in records} == {"completed"}
        assert second.person("admin").run(run["pipeline"]["id"])["id"] == run["id"] + 1


def test_it_stops_at_once_with_a_run_in_flight(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        admin = first.person("admin")
        admin.post("/_apis/projects", {"name": "weather"})
        admin.commit("weather", {"azure-pipelines.yml": ENDLESS})
        run = admin.run(admin.pipeline("endless", "weather"))
        until(lambda: "started" in _all_logs(admin, run["id"]))
        first.process.terminate()
        first.process.wait(timeout=60)
    with running(tmp_path) as second:
        assert second.person("admin").build(run["id"])["result"] == "canceled"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_who_changes_something_names_the_version_of_the_api(
    standin: StandIn, dana: Person, hello: int, method: str
) -> None:
    """As Azure DevOps refuses it; in the query or the Accept header, as Microsoft's own clients do."""
    paths = {
        "POST": f"pipelines/{hello}/runs",
        "PUT": f"build/definitions/{hello}",
        "PATCH": "build/builds/999999",
        "DELETE": "build/builds/999999",
    }
    url = f"{standin.organization_url}/{PROJECT}/_apis/{paths[method]}"

    def ask(accept: str, **query: str) -> requests.Response:
        headers = {"Accept": accept}
        return requests.request(
            method, url, params=query, json={}, auth=("", dana.token), headers=headers, timeout=60
        )

    before = dana.every(f"pipelines/{hello}/runs")
    refused = ask("application/json")
    assert (refused.status_code, refused.json()["typeKey"]) == (400, "VssVersionNotSpecifiedException")
    assert f'No api-version was supplied for the "{method}" request.' in refused.json()["message"]
    assert dana.every(f"pipelines/{hello}/runs") == before
    for taken in (ask("application/json", **{"api-version": "7.1"}), ask("application/json;api-version=7.1")):
        assert "VssVersionNotSpecifiedException" not in taken.text
