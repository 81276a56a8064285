"""Benchmarks as docs name them: each is there, starts, and knows the options that are said of it."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks.aims import AtLeast

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


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({}, []),
        ({"speedup_evidently": 9.9}, ["9.9 times as fast"]),
        ({"ratio_read": 3.1}, ["3.1 times as long"]),
        ({"peak_mb": 2000, "ratio_read": 4}, ["4 times as long", "a peak of 2000 MB"]),
    ],
)
def test_the_monitors_benchmark_says_which_aims_are_missed(moved: dict[str, float], said: list[str]) -> None:
    missed = runpy.run_path(str(ROOT / "benchmarks" / "monitor.py"))["missed"]
    found = missed({"speedup_evidently": 10.0, "ratio_read": 3.0, "peak_mb": 1999} | moved)
    assert [one[: len(start)] for one, start in zip(found, said, strict=True)] == said


# What each measures with, which is left out here.
MEASURES = {"bridge_cold_start": "measured", "serving": "side_by_side", "stand_in": "figures"}


@pytest.mark.parametrize("miss", [False, True])
@pytest.mark.parametrize("name", MEASURES)
def test_a_benchmark_that_misses_an_aim_fails_and_says_which(
    name: str, miss: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = import_module(f"benchmarks.{name}")
    found: dict[str, Any] = {key: aim.bound for key, aim in module.AIMS.items()}
    key, aim = next(iter(module.AIMS.items()))
    if miss:
        found[key] += -1 if isinstance(aim, AtLeast) else 1
    if name == "stand_in":
        found = {kind: {"per_core_s": value} for kind, value in found.items()}
    monkeypatch.setattr(module, MEASURES[name], lambda *_: found)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--json"])
    if name == "serving":
        monkeypatch.setattr(module, "install", lambda: None)
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert (key in str(ended.value.code)) if miss else ended.value.code is None


def test_the_stand_ins_benchmark_measures_each_kind_of_request() -> None:
    file = ROOT / "benchmarks/stand_in.py"
    asked = [sys.executable, str(file), "--seconds", "0.2", "--json"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(import_module("benchmarks.stand_in").AIMS)
    assert all(one["per_core_s"] > 0 for one in found.values())
    # An aim may be missed in so short a time; nothing else may go wrong.
    assert all(line.startswith("missed: ") for line in done.stderr.splitlines()), done.stderr
