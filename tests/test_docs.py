"""The documentation is true: every command in README.md and docs/ is run here, page by page."""

from __future__ import annotations

import contextlib
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


def commands(page: Path) -> list[str]:
    """What the page has a reader type, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and line not in MAKE]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which `isthmus up` runs, as in the README."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("platform.yaml", "app.py", "azure-pipelines", "model-build", "model-deploy", ".venv"):
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
    try:
        assert up.stdout is not None
        lines = iter(up.stdout.readline, "")
        assert any("In another terminal" in line for line in lines), "up did not come up"
        yield folder
        up.terminate()
        assert up.wait(60) == 0
    finally:
        # Whatever went wrong, none of its processes goes on.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_"))}
    return clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_the_two_commands_are_targets_of_make() -> None:
    for command in MAKE:
        subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_one_after_the_other(home: Path, page: Path) -> None:
    """As a reader types them: in one shell, in a folder where the platform runs."""
    script = "\n".join(["set -eo pipefail", 'eval "$(isthmus env)"', "set -x", *commands(page)])
    done = subprocess.run(
        ["bash", "-c", script], cwd=home, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
