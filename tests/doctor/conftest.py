"""The checkout's platform, deployed and provisioned in both clouds, and who examines it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from isthmus.azure import callback, provision
from isthmus.azure.contents import Folders
from isthmus.cli import isthmus
from isthmus.config import read_platform
from tests.azure.conftest import empty, folders
from tests.infra.conftest import (
    Cloud,
    assembly,
    cloud,
    empty_cloud,
    environment,
    issuer,
    platform,
    programs,
)
from tests.local.azure_devops.standin import StandIn

__all__ = [
    "assembly",
    "cloud",
    "empty",
    "empty_cloud",
    "environment",
    "folders",
    "issuer",
    "platform",
    "programs",
]


@dataclass(frozen=True)
class Clinic:
    """Both clouds, to break things in, and the command that is to find them."""

    cloud: Cloud
    azure: StandIn
    variables: dict[str, str]

    def root(self, service: str, account: str) -> Any:
        """A client that may do everything in an account."""
        return self.cloud.aws.client(service, account)

    def run(self, *words: str, **more: str) -> Result:
        return CliRunner().invoke(isthmus, ["doctor", *words], env=self.variables | more)

    def findings(self, check: str, **more: str) -> list[dict[str, str]]:
        """What a check finds that is not well."""
        done = self.run("--only", check, "--json", **more)
        found = json.loads(done.output)
        assert (done.exit_code == 1) == any(one["status"] == "missing" for one in found), done.output
        return [one for one in found if one["status"] != "ok"]


@pytest.fixture(scope="session")
def provisioned(cloud: Cloud, empty: StandIn, folders: Folders) -> dict[str, str]:
    """The variables of the administrator of both, in the folder that Azure DevOps was filled from."""
    file = folders.platform / "platform.yaml"
    variables = cloud.laptop | {
        "AWS_ENDPOINT_URL": cloud.aws.url,
        "AZURE_DEVOPS_URL": empty.organization_url,
        "AZURE_DEVOPS_TOKEN": empty.token("admin"),
        "ISTHMUS_PLATFORM": str(file),
    }
    for name in ("model-build", "model-deploy"):
        (folders.platform / name).symlink_to(folders.platform.parent / name)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        asked = read_platform(file)
        provision.apply(asked, folders, callback=callback.url(asked), token=empty.token("admin"))
    return variables


@pytest.fixture
def clinic(cloud: Cloud, empty: StandIn, provisioned: dict[str, str]) -> Clinic:
    return Clinic(cloud, empty, provisioned)
