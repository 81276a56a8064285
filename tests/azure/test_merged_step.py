"""The first step of each job that takes a token of AWS, beside refs that any contributor may make."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.local.pipelines.run import run
from tests.azure.conftest import CHECKOUT


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Main has two commits, and what is checked out is a third that is not merged."""
    shutil.copy(CHECKOUT / "azure-pipelines/steps/merged.yml", tmp_path)
    (tmp_path / "azure-pipelines.yml").write_text("steps: [{template: merged.yml}]\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    for branch in ("main", "main", "evil"):
        git(tmp_path, "checkout", "-q", "-B", branch)
        git(tmp_path, "-c", "user.name=dana", "-c", "user.email=d@e.f", "commit", "-qm", "x", "--allow-empty")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def looked(repository: Path) -> Result:
    return CliRunner().invoke(run, [str(repository / "azure-pipelines.yml")])


@pytest.mark.parametrize("tagged", ["evil", "evil~1", "evil~2"])
def test_a_tag_of_the_branch_s_name_decides_nothing(tagged: str, repository: Path) -> None:
    git(repository, "tag", "main", tagged)
    refused = looked(repository)
    assert refused.exit_code == 1
    assert "is not on main" in refused.output
    git(repository, "checkout", "-q", "--detach", "refs/heads/main")
    merged = looked(repository)
    assert merged.exit_code == 0, merged.output
