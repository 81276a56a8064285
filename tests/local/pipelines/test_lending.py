"""`isthmus run` with service connections: lent by the local organization, or refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.azure import provision
from isthmus.azure.contents import Folders
from isthmus.config import Platform
from isthmus.errors import NotFound, Problem, Refused
from isthmus.local import here
from isthmus.local.pipelines.run import run
from isthmus.local.platform import Local
from tests.azure.conftest import aws, empty, folders, issuer, platform, programs
from tests.local.azure_devops.standin import StandIn

__all__ = ["aws", "empty", "folders", "issuer", "platform", "programs"]
PIPELINE = """\
steps:
- bash: echo began
- task: AzureCLI@2
  inputs:
    azureSubscription: {connection}
    addSpnToEnvironment: true
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: |
      python -c "import jwt, os
      print(jwt.decode(os.environ['idToken'], options={{'verify_signature': False}}))"
      echo "keys: $AWS_SECRET_ACCESS_KEY $AZURE_DEVOPS_TOKEN."
"""
BUILD = "isthmus-seattle-rain-build"


def call(folder: Path, *options: str, connection: str = BUILD) -> Result:
    (folder / "platform.yaml").touch()  # One of ours: its steps see this Python's packages.
    (folder / "azure-pipelines.yml").write_text(PIPELINE.format(connection=connection))
    return CliRunner().invoke(run, [str(folder / "azure-pipelines.yml"), *options])


def fails(kind: type[Problem], folder: Path, *options: str, connection: str = BUILD) -> str:
    done = call(folder, *options, connection=connection)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    assert "began" not in done.output
    return str(done.exception)


@pytest.fixture
def organization(
    platform: Platform, folders: Folders, empty: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StandIn:
    """The local platform that runs in this folder, whose Azure DevOps is provisioned."""
    provision.apply(platform, folders)
    state = tmp_path / "state"
    state.mkdir()
    (state / "azure").symlink_to(empty.state)
    local = Local(state, 1, "http://127.0.0.1:1", empty.url, "contoso", tmp_path, tmp_path / "platform.yaml")
    monkeypatch.setattr(here, "running", lambda: local)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    return empty


def test_a_job_is_lent_its_connection_and_nothing_of_the_person(
    organization: StandIn, tmp_path: Path
) -> None:
    done = call(tmp_path, "--name", "seattle-rain-build")
    assert done.exit_code == 0, (done.output, done.exception)
    assert f"sc://contoso/weather/{BUILD}" in done.output
    assert "keys:  ." in done.output


def test_only_the_pipeline_that_may_use_a_connection_is_lent_it(
    organization: StandIn, tmp_path: Path
) -> None:
    said = fails(Refused, tmp_path, "--name", "seattle-rain-deploy")
    assert f"'seattle-rain-deploy' may not use the service connection '{BUILD}'" in said
    said = fails(NotFound, tmp_path, "--name", "seattle-rain-build", connection="isthmus-seattle-rain-bild")
    assert f"did you mean '{BUILD}'?" in said


def test_a_platform_that_the_environment_does_not_mean_lends_nothing(
    organization: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_DEVOPS_URL", "https://dev.azure.com/contoso")
    assert "nobody lends it here" in fails(Refused, tmp_path, "--name", "seattle-rain-build")


def test_without_a_lender_nothing_runs_and_one_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = fails(Refused, tmp_path, "--name", "seattle-rain-build")
    assert f"uses the service connection '{BUILD}', and nobody lends it here" in said
    assert "azure-pipelines.yml:" in said
    assert 'eval "$(isthmus env)"' in said and "isthmus azure run seattle-rain-build" in said


def test_a_template_names_the_pipelines_that_use_it(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "say.yml").write_text(
        "parameters: [{name: word, type: string}]\nsteps: [bash: echo]\n"
    )
    (tmp_path / "main.yml").write_text(
        "parameters: [{name: word, type: string, default: x}]\n"
        "steps:\n- template: steps/say.yml\n  parameters: {word: x}\n"
    )
    (tmp_path / "azure-pipelines.yml").write_text("extends:\n  template: main.yml@self\n")
    done = CliRunner().invoke(run, [str(tmp_path / "steps" / "say.yml"), "-r", f"self={tmp_path}"])
    assert "this is a template; run what uses it: " in str(done.exception)
    assert str(tmp_path / "azure-pipelines.yml") in str(done.exception)
    done = CliRunner().invoke(run, [str(tmp_path / "main.yml"), "-r", f"self={tmp_path}"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "main.yml is a template of" in done.output


def test_missing_parameters_are_asked_for_as_options(tmp_path: Path) -> None:
    file = tmp_path / "azure-pipelines.yml"
    file.write_text("parameters: [{name: a, type: string}, {name: b, type: number}]\nsteps: [bash: echo]\n")
    done = CliRunner().invoke(run, [str(file)])
    assert "do:    -p a=VALUE -p b=VALUE" in str(done.exception)
