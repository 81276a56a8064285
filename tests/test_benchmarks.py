"""Benchmarks as docs name them: each is there, starts, and knows the options that are said of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMED = sorted(
    {
        (name, options.strip())
        for page in (ROOT / "docs").glob("*.md")
        for name, options in re.findall(r"`(?:python )?benchmarks/(\w+)\.py([^`\n]*)`", page.read_text())
    }
)


def test_the_page_on_speed_names_most_of_them() -> None:
    page = (ROOT / "docs/speed.md").read_text()
    assert page.count("`benchmarks/") >= 4


@pytest.mark.parametrize(("name", "options"), NAMED, ids=[f"{one} {options}" for one, options in NAMED])
def test_a_benchmark_that_docs_name_takes_those_options(name: str, options: str) -> None:
    file = ROOT / "benchmarks" / f"{name}.py"
    asked = [sys.executable, str(file), *options.split(), "--help"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    for option in re.findall(r"--[a-z-]+", options):
        assert option in done.stdout, option
