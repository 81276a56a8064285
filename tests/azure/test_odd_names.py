"""A project whose name is odd, and legal: every address of it is percent-encoded, ours and the stand-in's."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from isthmus.azure import provision
from isthmus.azure.client import connect
from isthmus.azure.contents import Folders
from isthmus.azure.present import Present
from isthmus.cli import isthmus
from isthmus.config import read_platform
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import PROJECT, StandIn


@pytest.mark.parametrize("name", ["Modèle & co (été)", "100%25 rain@home"])
def test_a_project_of_that_name_is_made_run_and_shown(
    name: str, empty: StandIn, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "platform.yaml"
    said = (CHECKOUT / "platform.yaml").read_text()
    assert f"project: {PROJECT}\n" in said
    file.write_text(said.replace(f"project: {PROJECT}\n", f"project: {name}\n"))
    monkeypatch.setenv("AZURE_DEVOPS_URL", empty.organization_url)
    monkeypatch.setenv("AZURE_DEVOPS_TOKEN", empty.token("admin"))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(file))
    platform = read_platform()
    provision.apply(platform, folders)
    assert [one.summary for one in provision.plan(platform, folders, Present(connect(platform)))] == []

    started = CliRunner().invoke(isthmus, ["azure", "run", "seattle-rain-build"])
    assert started.exit_code == 0, started.output
    (run,) = connect(platform).get("build/builds")["value"]
    followed = CliRunner().invoke(isthmus, ["azure", "follow", str(run["id"])])
    assert followed.exit_code == 0, followed.output

    (found,) = (one for one in connect(platform).every("git/repositories") if one["name"] == "platform")
    page = requests.get(found["webUrl"], headers={"Accept": "text/html"}, timeout=60)
    assert page.ok and found["remoteUrl"] in page.text
