"""Studio's start script, run by bash with an `aws` that copies between folders instead of buckets."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cdk.conftest import CHECKOUT

SCRIPT = CHECKOUT / "cdk" / "studio" / "start.sh"
AWS = """#!/bin/bash
case "$1 $2" in
"s3 cp") cp "$BUCKETS/${4#s3://}" "$5" ;;
"s3 sync") mkdir -p "$6"; cp -r "$BUCKETS/${5#s3://}." "$6" ;;
"sts get-caller-identity") echo "arn:aws:sts::1:assumed-role/isthmus-two-words-scientist/SageMaker" ;;
esac
"""
# A Python whose site-packages are the app's, and which notes what pip is asked for.
PYTHON = """#!/bin/bash
case "$*" in
"-m pip"*) echo "$*" >> "$HOME/pip.log" ;;
*sysconfig*) mkdir -p "$HOME/site"; echo "$HOME/site" ;;
*) exec {python} "$@" ;;
esac
"""


@dataclass(frozen=True)
class App:
    home: Path
    buckets: Path
    bin: Path

    def start(self) -> subprocess.CompletedProcess[str]:
        said = "ISTHMUS=s3://assets/abc.zip\nEXPERIMENTS=experiments\nPLATFORM=isthmus\n"
        env = {"HOME": str(self.home), "BUCKETS": str(self.buckets), "PATH": f"{self.bin}:{os.defpath}"}
        return subprocess.run(
            ["bash", "-c", said + SCRIPT.read_text()], env=env, capture_output=True, text=True, check=False
        )


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = App(*(tmp_path / name for name in ("home", "buckets", "bin")))
    for folder in (made.home, made.bin, made.buckets / "assets"):
        folder.mkdir(parents=True)
    for name, text in {"aws": AWS, "python": PYTHON.format(python=sys.executable)}.items():
        (made.bin / name).write_text(text)
        (made.bin / name).chmod(0o755)
    with zipfile.ZipFile(made.buckets / "assets" / "abc.zip", "w") as archive:
        archive.writestr("isthmus/__init__.py", "")
        archive.writestr("isthmus/__main__.py", "print('isthmus is here')")
    tools = made.buckets / "experiments" / "two-words" / "tools"
    tools.mkdir(parents=True)
    (tools / "requirements.txt").write_text("lightgbm\n")
    return made


def test_the_command_and_the_teams_tools_are_there(app: App) -> None:
    done = app.start()
    assert (done.returncode, done.stderr) == (0, "")
    assert (app.home / "site" / "isthmus.pth").read_text().strip() == str(app.home / ".isthmus" / "lib")
    command = subprocess.run(
        [app.bin / "isthmus"],
        cwd=app.home,
        env={"PYTHONPATH": str(app.home / ".isthmus" / "lib"), "HOME": str(app.home), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (command.stdout, command.stderr) == ("isthmus is here\n", "")
    asked = (app.home / "pip.log").read_text()
    assert "--no-index --find-links" in asked and "/.isthmus/team/requirements.txt" in asked


def test_a_team_without_tools_needs_no_pip(app: App) -> None:
    (app.buckets / "experiments" / "two-words" / "tools" / "requirements.txt").unlink()
    assert app.start().returncode == 0
    assert not (app.home / "pip.log").exists()


def test_what_is_missing_is_said_and_the_app_starts_all_the_same(app: App) -> None:
    (app.buckets / "assets" / "abc.zip").unlink()
    done = app.start()
    assert done.returncode == 0
    assert "isthmus could not be installed from s3://assets/abc.zip" in done.stderr


def test_bash_finds_no_fault_in_it() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], check=False).returncode == 0
