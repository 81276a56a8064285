"""The command line: help is complete, quick to load, and errors are for people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.cli import COMMANDS

ROOT = Path(__file__).parent.parent
HEAVY = (
    "boto3",
    "botocore",
    "aws_cdk",
    "sagemaker",
    "pandas",
    "polars",
    "sklearn",
    "ministack",
    "pydantic",
    "requests",
    "rich",
)


def isthmus(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "isthmus", *args]
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    answer = isthmus(name, "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Usage: isthmus " + name)


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv={['isthmus', *words, '--help']!r}\n"
        "from isthmus.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"loaded=[m for m in {HEAVY!r} if m in sys.modules]\n"
        "assert not loaded, loaded"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_an_unknown_command_names_the_nearest() -> None:
    answer = isthmus("statsu")
    assert answer.returncode == 2
    assert "did you mean 'status'?" in answer.stderr


def test_a_problem_is_three_lines_and_no_traceback(tmp_path: Path) -> None:
    answer = isthmus("status", cwd=tmp_path)
    assert answer.returncode == 2
    assert "there is no platform.yaml" in answer.stderr
    assert "Traceback" not in answer.stderr
