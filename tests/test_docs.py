"""The documentation is true: every command in README.md and docs/ is run here."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What `make` runs is run by the suite itself: the demo by test_lifecycle, the tests by whoever reads this.
MAKE = {"make demo", "make test"}


def commands() -> list[str]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.S):
            found += [line.strip() for line in block.splitlines() if line.strip()]
    return sorted(set(found) - MAKE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which `isthmus up` runs, as in the README."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("platform.yaml", "azure-pipelines", "model-build", "model-deploy", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".isthmus").mkdir()
    cache = ROOT / ".isthmus" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (folder / ".isthmus" / "cache").symlink_to(cache)
    up = subprocess.Popen(
        [sys.executable, "-m", "isthmus", "up"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert up.stdout is not None
    lines = iter(up.stdout.readline, "")
    assert any("In another terminal" in line for line in lines), "up did not come up"
    yield folder
    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0


def _environment() -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_"))}
    return clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_the_two_commands_are_targets_of_make() -> None:
    for command in MAKE:
        subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documentation_works(home: Path, command: str) -> None:
    script = f'set -e; eval "$(isthmus env)"; {command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=home, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
