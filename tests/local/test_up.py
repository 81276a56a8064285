"""`isthmus up` in a folder of its own, and whom commands without variables then talk to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def isthmus(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "isthmus", *arguments]
    return subprocess.run(
        argv,
        cwd=folder,
        env=clean() | more,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def clean() -> dict[str, str]:
    """No cloud is named, and no credential lies in a home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "ISTHMUS_", "GIT_"))}
    return kept | {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder without a platform.yaml, in which the clouds of the example run, unfurnished."""
    folder = tmp_path_factory.mktemp("empty")
    up = subprocess.Popen(
        [sys.executable, "-m", "isthmus", "up", "--bare"],
        cwd=folder,
        env=clean(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert up.stdout is not None
    assert any("In another terminal" in line for line in iter(up.stdout.readline, "")), "up did not come up"
    yield folder
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0


@pytest.mark.parametrize("command", ["status", "models", "events", "monitor report seattle-rain"])
def test_what_only_reads_talks_to_the_platform_of_this_folder_and_says_so(folder: Path, command: str) -> None:
    said = isthmus(folder, *command.split()).stderr
    assert "(the local platform in .isthmus, as robin: http://127.0.0.1:" in said
    assert "act as isthmus-operator" in said  # nothing is deployed there


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_what_decides_does_not_guess(folder: Path, command: str) -> None:
    done = isthmus(folder, command, "seattle-rain", "1")
    assert done.returncode == 4
    assert "the environment does not say which clouds are meant" in done.stderr
    assert 'eval "$(isthmus env)"' in done.stderr


def test_the_help_of_a_command_asks_no_cloud(folder: Path) -> None:
    assert isthmus(folder, "status", "--help").stderr == ""


def test_a_cloud_that_the_environment_names_is_meant(folder: Path) -> None:
    elsewhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    said = isthmus(folder, "status", ISTHMUS_PLATFORM=str(ROOT / "platform.yaml"), **elsewhere, **keys).stderr
    assert "no answer from AWS" in said and "local platform in" not in said


def test_env_signs_git_in_and_leaves_what_git_was_told(folder: Path) -> None:
    mine = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Me"}
    script = 'eval "$(isthmus env --as dana)"; eval "$(isthmus env --as dana)"; git config --list; env'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=clean() | mine | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "user.name=Me" in said
    assert "GIT_CONFIG_COUNT=2" in said
    assert "extraheader=Authorization: Basic" in said
    assert f"ISTHMUS_PLATFORM={ROOT / 'platform.yaml'}" in said


def test_a_folder_holds_the_clouds_of_one_platform(tmp_path: Path) -> None:
    state = tmp_path / ".isthmus" / "up" / "aws"
    state.mkdir(parents=True)
    (state / "config.json").write_text('{"platform": "isthmus"}')
    other = (ROOT / "platform.yaml").read_text().replace("name: isthmus", "name: other", 1)
    (tmp_path / "platform.yaml").write_text(other)
    done = isthmus(tmp_path, "up", "--bare")
    assert done.returncode == 4
    assert "are those of the platform 'isthmus', and" in done.stderr
    assert "start it in a folder of its own" in done.stderr


def test_a_demo_that_never_ran_cannot_be_gone_on_with(tmp_path: Path) -> None:
    done = isthmus(tmp_path, "up", "--demo")
    assert done.returncode == 3
    assert "no demo has run in this folder" in done.stderr and "isthmus demo" in done.stderr


@pytest.mark.parametrize("record", ["", "{", "[]", '{"state": 1}', '{"pid": 7, "more": true}'])
def test_a_broken_record_of_what_runs_is_no_platform(tmp_path: Path, record: str) -> None:
    (tmp_path / ".isthmus" / "up").mkdir(parents=True)
    (tmp_path / ".isthmus" / "up" / "running.json").write_text(record)
    for command in ("env", "status", "approve seattle-rain 1"):
        done = isthmus(tmp_path, *command.split())
        assert done.returncode in (2, 3), done.stderr
        assert "Traceback" not in done.stderr


# A library's way to lose an interrupt: its exception is raised where nobody can take it.
LOSING = """
import os, signal, sys
from isthmus import __main__
class Losing:
    def find_spec(self, name, *_):
        if name == "isthmus.config":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                os._exit(7)
sys.meta_path.insert(0, Losing())
__main__.main()
"""


@pytest.mark.parametrize("command", [["up", "--bare"], ["demo"]])
def test_an_interrupt_while_modules_are_loaded_is_not_lost(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSING, *command], cwd=tmp_path, env=clean(), capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGINT, done.stderr
    assert not list(tmp_path.iterdir())
