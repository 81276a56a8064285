from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus import names
from isthmus.azure.client import Client, connect
from isthmus.azure.contents import Folders
from isthmus.config import Platform, read_platform
from tests.local.azure_devops.standin import StandIn, running
from tests.local.conftest import aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]
CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = """
trigger: none
parameters: [{name: modelPackageArn, type: string}, {name: rollback, type: string, default: ''},
  {name: promote, type: string, default: ''}]
resources:
  repositories:
  - {repository: platform, type: git, name: platform, ref: refs/heads/main}
extends:
  template: azure-pipelines/model-deploy.yml@platform
  parameters: {modelPackageArn: '${{ parameters.modelPackageArn }}'}
"""
TEMPLATE = """
parameters: [{name: modelPackageArn, type: string}]
stages:
- stage: prod
  lockBehavior: sequential
  jobs:
  - deployment: deploy
    environment: prod
    strategy:
      runOnce:
        deploy:
          steps:
          - checkout: none
          - task: AzureCLI@2
            displayName: Deploy
            inputs:
              azureSubscription: isthmus-seattle-rain-deploy-prod
              addSpnToEnvironment: true
              scriptType: bash
              scriptLocation: inlineScript
              inlineScript: echo deployed ${{ parameters.modelPackageArn }}
"""
PLAIN = "trigger: none\nsteps: [{bash: 'true'}]\n"
INFRASTRUCTURE = "trigger: none\nextends: {template: stages/infrastructure.yml}\n"
STAGES = f"""
stages:
- stage: prod
  lockBehavior: sequential
  jobs:
  - deployment: deploy
    environment: {names.infrastructure_environment("prod")}
    strategy: {{runOnce: {{deploy: {{steps: [{{checkout: none}}, {{bash: 'true'}}]}}}}}}
"""


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """An organization without a project."""
    with running(tmp_path_factory.mktemp("provisioned")) as found:
        yield found


@pytest.fixture
def platform(empty: StandIn, monkeypatch: pytest.MonkeyPatch) -> Platform:
    monkeypatch.setenv("AZURE_DEVOPS_URL", empty.organization_url)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", empty.token("admin"))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(CHECKOUT / "platform.yaml"))
    return read_platform()


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Small contents with the shape of the real ones."""
    root = tmp_path_factory.mktemp("contents")
    files = {
        "platform/platform.yaml": (CHECKOUT / "platform.yaml").read_text(),
        "platform/azure-pipelines/model-deploy.yml": TEMPLATE,
        "platform/azure-pipelines/infrastructure.yml": INFRASTRUCTURE,
        "platform/azure-pipelines/stages/infrastructure.yml": STAGES,
        "platform/azure-pipelines/pull-request.yml": PLAIN,
        "platform/notes.txt": "not the platform's",
        "platform/.venv/bin/python": "not either",
        "model-build/azure-pipelines.yml": PLAIN,
        "model-build/azure-pipelines.pull-request.yml": PLAIN,
        "model-build/__pycache__/x.pyc": "never",
        "model-deploy/azure-pipelines.yml": DEPLOY,
        "model-deploy/azure-pipelines.pull-request.yml": PLAIN,
    }
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return Folders(root / "platform", root / "model-build", root / "model-deploy")


@pytest.fixture
def client(platform: Platform) -> Client:
    return connect(platform)
