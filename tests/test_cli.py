"""The command line: help is complete, quick to load, and errors are for people."""

from __future__ import annotations

import os
import signal
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


def test_the_shell_completes_commands_as_the_readme_says() -> None:
    assert 'eval "$(_ISTHMUS_COMPLETE=bash_source isthmus)"' in (ROOT / "README.md").read_text()
    asked = {"_ISTHMUS_COMPLETE": "bash_complete", "COMP_WORDS": "isthmus azure f", "COMP_CWORD": "2"}
    argv = [sys.executable, "-m", "isthmus"]
    answer = subprocess.run(argv, capture_output=True, text=True, env=os.environ | asked, check=False)
    assert answer.stdout.split() == ["plain,follow"], answer.stderr


def test_an_unknown_command_names_the_nearest() -> None:
    answer = isthmus("statsu")
    assert answer.returncode == 2
    assert "did you mean 'status'?" in answer.stderr


def test_a_problem_is_three_lines_and_no_traceback(tmp_path: Path) -> None:
    answer = isthmus("status", cwd=tmp_path)
    assert answer.returncode == 2
    assert "there is no platform.yaml" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("days", ["nan", "inf", "1e300", "0", "-1"])
def test_days_without_end_are_refused(days: str) -> None:
    answer = isthmus("events", f"--days={days}")
    assert (answer.returncode, "Traceback" in answer.stderr) == (2, False)
    assert "is not in the range" in answer.stderr


@pytest.mark.parametrize(("loading", "code"), [("click", -signal.SIGINT), ("isthmus_hit", 130)])
def test_an_interrupt_while_a_command_is_loaded_leaves_no_trace(
    tmp_path: Path, loading: str, code: int
) -> None:
    hit = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / f"{loading}.py").write_text(hit)
    # The second is loaded as the command's own module is, once the command line has begun.
    program = (
        "import sys\n"
        "sys.argv = ['isthmus', 'schema', 'model']\n"
        "from isthmus import __main__, cli\n"
        "cli.COMMANDS['schema'] = cli.Entry('isthmus_hit:command', '')\n"
        "__main__.main()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, "Traceback" in answer.stderr) == (code, False), answer.stderr
