"""A pull request of a model, in the stand-in: its checks run the real pipeline, and say what they found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.azure import git, provision, pull_requests, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.build import sample
from isthmus.build.definition import define
from isthmus.config import Platform, platform_path, read_model, read_platform
from isthmus.container.tabular import read_rows
from isthmus.monitor.baseline import write_baseline
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import StandIn, running

BRANCH = "another-estimator"
ARN = "arn:aws:sagemaker:eu-west-1:222233334444:model-package/seattle-rain/7"
# In place of the real one, which deploys to AWS: what prod has served is what it leaves behind.
DEPLOY = """
trigger: none
parameters: [{name: modelPackageArn, type: string}]
steps:
- task: PublishPipelineArtifact@1
  inputs: {targetPath: assembly, artifact: assembly}
- task: PublishPipelineArtifact@1
  inputs: {targetPath: assembly/evaluation.json, artifact: prod-1}
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("checks")) as found:
        yield found


@pytest.fixture(scope="module")
def platform(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The example's, in the stand-in's organization: jobs read where that is from the file too."""
    file = tmp_path_factory.mktemp("platform") / "platform.yaml"
    text = (CHECKOUT / "platform.yaml").read_text()
    file.write_text(text.replace("https://dev.azure.com/contoso", stand_in.organization_url))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AZURE_DEVOPS_URL", raising=False)
        patch.setenv("AZURE_DEVOPS_TOKEN", stand_in.token("admin"))
        patch.setenv("ISTHMUS_PLATFORM", str(file))
        yield read_platform()


@pytest.fixture(scope="module")
def provisioned(platform: Platform, stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The example's repository, and a deploy pipeline that leaves what a deployment to prod leaves."""
    deploy = tmp_path_factory.mktemp("deploy")
    (deploy / "azure-pipelines.yml").write_text(DEPLOY)
    build = CHECKOUT / "model-build"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(build)
        ran = sample.run_sample(Path(), read_model(), define(Path()), deploy / "assembly")
    assert ran.failure is None
    rows = read_rows(deploy / "assembly" / sample.ROWS, read_model(build / "model.yaml"))
    features = read_model(build / "model.yaml").features
    write_baseline(rows, deploy / "assembly", features=features, target="rain_tomorrow")
    shutil.rmtree(deploy / "assembly" / sample.ROWS)
    provision.apply(platform, Folders(CHECKOUT, build, deploy, platform_path()))
    return platform


def said(client: Client, request: pull_requests.PullRequest) -> str:
    """The one comment of the checks; Azure DevOps' own threads beside it do not count."""
    threads = client.get(f"git/repositories/model-build/pullRequests/{request.number}/threads")["value"]
    (found,) = [one for one in threads if "isthmus:checks" in one["comments"][0]["content"]]
    assert len(found["comments"]) == 1
    assert found["comments"][0]["author"]["displayName"].startswith("weather Build Service")
    return str(found["comments"][0]["content"])


class Author:
    """Dana, who pushes to her branch and waits for the checks."""

    def __init__(self, stand_in: StandIn, client: Client, folder: Path) -> None:
        self.client, self.folder, self.token = client, folder, stand_in.token("dana")
        url = f"{client.organization_url}/{client.project}/_git/model-build"
        git.git(folder.parent, "clone", "-q", url, str(folder), token=self.token)
        git.git(folder, "checkout", "-q", "-b", BRANCH)

    def push(self, file: str, change: Callable[[str], str]) -> None:
        path = self.folder / file
        path.write_text(change(path.read_text()))
        git.git(self.folder, "commit", "-q", "-a", "-m", f"Change {file}")
        git.git(self.folder, "push", "-q", "origin", f"HEAD:{BRANCH}", token=self.token)

    def checked(self) -> runs.Run:
        newest = runs.every(self.client, "seattle-rain-pull-request")[0]
        return runs.wait(self.client, newest.id, every_seconds=0.2, timeout=300)


def test_one_comment_is_kept_up_to_date_beside_what_prod_serves(
    provisioned: Platform, stand_in: StandIn, tmp_path: Path
) -> None:
    client = connect(provisioned, stand_in.token("dana"))
    dana = Author(stand_in, client, tmp_path / "model-build")

    dana.push("README.md", lambda text: f"{text}\nAsk Dana.\n")
    request = pull_requests.open_(client, "model-build", BRANCH, "Say whom to ask")
    assert dana.checked().result == "succeeded", runs.failures(client, dana.checked().id)
    first = said(client, request)
    assert "## seattle-rain, on a sample: log loss 0.61 ≤ 0.66" in first
    assert "| this change, on a sample | 0.609 |" in first
    assert "Not compared with prod: prod serves no version yet." in first
    assert "| feature | missing | noticed |\n|---|---|---|\n" in first and "| wind | 0.0% |  |" in first

    served = runs.queue(client, "seattle-rain-deploy", {"modelPackageArn": ARN})
    assert runs.wait(client, served.id, every_seconds=0.2).result == "succeeded"
    dana.push("model.yaml", lambda text: text.replace("temp_min, wind]", "wind]"))
    assert dana.checked().result == "succeeded", runs.failures(client, dana.checked().id)
    second = said(client, request)
    assert "| version 7 in prod, on the same rows | 0.609 |" in second
    assert "Gain over version 7, on the same 46 rows:" in second and "**inside noise**" in second
    assert f"[run {served.id}, which brought prod its version]" in second
    assert (
        "| feature | missing | in prod's data | PSI | by chance | noticed |\n|---|---|---|---|---|---|\n"
        in second
    )
    assert "| wind | 0.0% | 0.0% | 0.00 | 1 |  |" in second
    assert "✓ Lint" in second and "✓ Pipeline on a sample" in second and " s;" in second

    later = (dana.folder / "data/later.csv").read_text().partition("\n")[2]
    dana.push("data/weather.csv", lambda text: text + later)
    assert dana.checked().result == "succeeded", runs.failures(client, dana.checked().id)
    newer = said(client, request)
    assert (
        "| this change, on a sample | 0." in newer and "| version 7 in prod, as registered | 0.609 |" in newer
    )
    assert "Version 7 is not comparable: other rows, and this is a model of the sample only. " in newer
    assert "Gain" not in newer and "chance**" not in newer

    dana.push("steps/prepare.py", lambda text: f"{text}\nimport os\n")
    assert dana.checked().result == "failed"
    third = said(client, request)
    assert "## seattle-rain: a check failed" in third and "- Lint: " in third
    assert "in prod" not in third

    dana.push("model.yaml", lambda text: text.replace("metric: log_loss", "metric: logloss"))
    assert dana.checked().result == "failed"
    fourth = said(client, request)
    assert "a check failed" in fourth and "- model.yaml and data: model.yaml:" in fourth
    assert "did you mean 'log" in fourth


def test_a_job_may_comment_and_its_vote_lets_nothing_pass(provisioned: Platform, stand_in: StandIn) -> None:
    """The code of a pull request has the job's token: what it may do more, it would do for itself."""
    admin = connect(provisioned)
    policies: list[dict[str, Any]] = admin.get("policy/configurations")["value"]
    repository = admin.get("git/repositories/model-build")["id"]
    of_build = [one for one in policies if one["settings"]["scope"][0]["repositoryId"] == repository]
    asked = [one["settings"] for one in of_build if "requiredReviewerIds" in one["settings"]]
    (required,) = [one for one in asked if not one.get("filenamePatterns")]
    group = admin.get(f"../../_apis/identities/{required['requiredReviewerIds'][0]}")
    assert group["providerDisplayName"] == "[weather]\\Contributors" and group["isContainer"]
    plan = provision.plan(provisioned, Folders(CHECKOUT, CHECKOUT, CHECKOUT), provision.Present(admin))
    assert not [one.summary for one in plan if "jobs may" in one.summary]
