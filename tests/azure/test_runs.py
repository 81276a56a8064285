"""What a run says of itself, read back: its verdict, be it red or green, and why it could not begin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.azure import provision, runs
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.config import Platform
from tests.azure.test_commands import BUILD, push
from tests.local.azure_devops.standin import StandIn, running

VERDICT = "not registered: AUC 0.61 < 0.70"
TOLD = "trigger: none\nsteps: [{{bash: 'echo \"##vso[task.logissue type={kind}]{words}\"; exit {code}'}}]\n"
NOWHERE = """trigger: none
steps:
- task: AzureCLI@2
  inputs: {azureSubscription: nobodys, scriptType: bash, scriptLocation: inlineScript, inlineScript: 'true'}
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("told")) as found:
        yield found


@pytest.fixture
def dana(platform: Platform, folders: Folders, monkeypatch: pytest.MonkeyPatch, empty: StandIn) -> Client:
    provision.apply(platform, folders)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", empty.token("dana"))
    return connect(platform)


def ended(client: Client, branch: str) -> runs.Run:
    run = runs.queue(client, BUILD, branch=branch)
    return runs.wait(client, run.id, timeout=60, every_seconds=0.05)


@pytest.mark.parametrize(("kind", "code", "result"), [("error", 1, "failed"), ("warning", 0, "succeeded")])
def test_a_verdict_is_read_from_a_red_run_and_from_a_green_one(
    dana: Client, empty: StandIn, tmp_path: Path, kind: str, code: int, result: str
) -> None:
    yaml = TOLD.format(kind=kind, words=VERDICT, code=code)
    push(empty, tmp_path / "clone", f"below-{kind}", azure_pipelines__yml=yaml)
    run = ended(dana, f"below-{kind}")
    assert run.result == result
    assert VERDICT in runs.issues(dana, run.id)


def test_a_run_that_could_not_begin_says_why(dana: Client, empty: StandIn, tmp_path: Path) -> None:
    push(empty, tmp_path / "clone", "nowhere", azure_pipelines__yml=NOWHERE)
    run = ended(dana, "nowhere")
    assert run.result == "failed"
    assert "there is no service connection 'nobodys'" in "\n".join(runs.failures(dana, run.id))
