"""Pull requests, runs and approvals from the command line, as the README's walk-through uses them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.azure import provision, pull_requests
from isthmus.azure.client import connect
from isthmus.azure.contents import Folders
from isthmus.cli import isthmus
from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Problem, Refused
from tests.local.azure_devops.standin import StandIn, running

ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/1"
BUILD = "seattle-rain-build"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """An organization of its own, because others count its runs."""
    with running(tmp_path_factory.mktemp("followed")) as found:
        yield found


@pytest.fixture
def furnished(
    platform: Platform, folders: Folders, monkeypatch: pytest.MonkeyPatch, empty: StandIn
) -> Platform:
    """Provisioned, and signed in as the data scientist."""
    provision.apply(platform, folders)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", empty.token("dana"))
    monkeypatch.setattr("isthmus.azure.follow.PAUSE", 0.05)
    return platform


def azure(*arguments: str) -> Result:
    return CliRunner().invoke(isthmus, ["azure", *arguments])


def says(*arguments: str) -> str:
    done = azure(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def fails(kind: type[Problem], *arguments: str) -> str:
    done = azure(*arguments)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return str(done.exception)


def push(organization: StandIn, folder: Path, branch: str, **files: str) -> None:
    """Clone the build repository into `folder`, and push a branch with these files (`x__yml` is x.yml)."""
    url = f"{organization.organization_url}/weather/_git/model-build"
    sign_in = ["-c", f"http.extraHeader=Authorization: Bearer {organization.token('dana')}"]
    sign_in += ["-c", "user.name=Dana", "-c", "user.email=dana@contoso.example"]
    subprocess.run(["git", *sign_in, "clone", "-q", url, str(folder)], check=True)
    for name, content in files.items():
        (folder / name.replace("__", ".").replace("_", "-")).write_text(content)
    for step in (
        ["checkout", "-q", "-b", branch],
        ["add", "."],
        ["commit", "-qm", branch],
        ["push", "-q", "origin", branch],
    ):
        subprocess.run(["git", "-C", str(folder), *sign_in, *step], check=True)


def test_a_pull_request_is_merged_once_its_check_has_passed(
    furnished: Platform, empty: StandIn, tmp_path: Path
) -> None:
    push(empty, tmp_path / "clone", "better", notes="better\n")
    said = says("pull-request", "model-build", "better", "--title", "Make it better")
    number = said.partition("somebody else must agree: isthmus azure agree ")[2].strip()
    assert "your own vote does not count" in fails(Refused, "agree", number)
    with ThreadPoolExecutor(1) as pool:
        merging = pool.submit(
            says, "pull-request", "model-build", "better", "--title", "Make it better", "--complete"
        )
        robin = connect(furnished, empty.token("robin"))
        pull_requests.agree(robin, pull_requests.get(robin, int(number)))
        said = merging.result(timeout=60)
    assert f"{empty.organization_url}/weather/_git/model-build/pullrequest/" in said
    assert "checks it: isthmus azure follow" in said
    assert re.search(r"waits for: .*Build\b.*\n(.*\n)*merged into main as", said)
    assert subprocess.run(["git", "-C", str(tmp_path / "clone"), "log", "-1"], check=True).returncode == 0


def test_a_vote_that_was_given_is_not_asked_for_again(
    furnished: Platform, empty: StandIn, tmp_path: Path
) -> None:
    push(empty, tmp_path / "clone", "voted", notes="voted\n")
    said = says("pull-request", "model-build", "voted")
    number = int(said.partition("somebody else must agree: isthmus azure agree ")[2])
    robin = connect(furnished, empty.token("robin"))
    pull_requests.agree(robin, pull_requests.get(robin, number))
    again = says("pull-request", "model-build", "voted")
    assert f"pull request {number}:" in again and "must agree" not in again


def test_a_pull_request_whose_check_fails_says_which_and_how_to_see_why(
    furnished: Platform, empty: StandIn, tmp_path: Path
) -> None:
    broken = "trigger: none\nsteps: [{bash: 'echo the reason; exit 1', displayName: Lint}]\n"
    push(empty, tmp_path / "clone", "worse", azure_pipelines__pull_request__yml=broken)
    said = fails(Problem, "pull-request", "model-build", "worse", "--complete")
    assert "a check of pull request" in said
    run = said.partition("isthmus azure log ")[2].partition(";")[0]
    assert "the reason" in says("log", run)


def test_a_branch_that_is_not_there_is_named(furnished: Platform) -> None:
    assert "refs/heads/nowhere does not exist" in fails(BadInput, "pull-request", "model-build", "nowhere")


def test_a_run_is_started_followed_and_read(furnished: Platform) -> None:
    said = says("run", BUILD)
    number = said.partition("follow it: isthmus azure follow ")[2].strip()
    said = says("follow", number)
    assert "✓" in said and f"run {number} of {BUILD} succeeded" in said
    assert "Checked out model-build" in says("log", number)
    assert "steps: " in fails(NotFound, "log", number, "--step", "no such step")


def test_a_deployment_is_followed_until_it_waits_for_a_person(
    furnished: Platform, empty: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = (
        says("run", "seattle-rain-deploy", "-p", f"modelPackageArn={ARN}").split(":")[0].removeprefix("run ")
    )
    said = says("follow", "seattle-rain-deploy")
    assert f"waits for [contoso]\\release-approvers: isthmus azure approve {number}" in said
    assert "environment prod" in says("approvals")
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", empty.token("robin"))
    said = says("approve", number, "--comment", "Looks right")
    assert "environment prod: approved by Robin Release" in said
    assert "service connection isthmus-seattle-rain-deploy-prod: approved by Robin Release" in said
    assert "succeeded" in says("follow", number)


def test_a_run_that_waits_for_a_person_is_taken_back_by_who_asked_for_it(furnished: Platform) -> None:
    said = says("run", "seattle-rain-deploy", "-p", f"modelPackageArn={ARN}")
    number = said.split(":")[0].removeprefix("run ")
    says("follow", number)
    assert says("cancel", number) == f"run {number} of seattle-rain-deploy is cancelled\n"
    assert f"run {number} of seattle-rain-deploy canceled" in azure("follow", number).output
    assert f"run {number} of" not in says("approvals")
    assert f"run {number} of seattle-rain-deploy is over: canceled" in fails(Refused, "cancel", number)


def test_what_failed_in_a_run_runs_again(furnished: Platform, empty: StandIn, tmp_path: Path) -> None:
    once = "trigger: none\nsteps: [{bash: '[ $(System.JobAttempt) -gt 1 ]', displayName: Second time}]\n"
    push(empty, tmp_path / "clone", "once", azure_pipelines__yml=once)
    number = says("run", BUILD, "--branch", "once").split(":")[0].removeprefix("run ")
    assert "Second time" in azure("follow", number).output
    assert f"follow it: isthmus azure follow {number}" in says("rerun", number)
    assert f"run {number} of {BUILD} succeeded" in says("follow", number)
    assert "has no stage that failed" in fails(BadInput, "rerun", number)


def test_a_run_that_never_starts_is_not_waited_for_without_end(
    furnished: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.azure import follow

    with pytest.raises(NotFound, match=r"no run of seattle-rain-pull-request started in 0 s"):
        follow.under_way(connect(furnished), "seattle-rain-pull-request", print, patience=0)


def test_a_parameter_is_a_name_and_a_value(furnished: Platform) -> None:
    assert "NAME=VALUE" in fails(BadInput, "run", BUILD, "-p", "novalue")
    said = fails(NotFound, "run", "seattle-rain-bild")
    assert "there is no pipeline 'seattle-rain-bild'" in said
    assert "did you mean 'seattle-rain-build'?" in said


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_who_is_not_signed_in_to_aws_is_told_why_that_matters(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "a",
    }.items():
        monkeypatch.setenv(name, value)
    told = fails(Problem, command)
    assert told.startswith(
        "pipelines are to be told where the bridge is, and that the automation account says"
    )
    assert "take isthmus-operator in 222233334444; or say it: --callback URL" in told
