"""One synth of this checkout's app, as a user runs it, for every test that reads templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from isthmus.config import Platform, read_platform
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.cdk.variants import CHECKOUT as CHECKOUT
from tests.cdk.variants import FULL as FULL
from tests.cdk.variants import write_variants
from tests.once import once

MODEL = "seattle-rain"
OF_MODEL = tuple(f"{account}-{MODEL}" for account in ("automation", "staging", "prod"))
STACKS = ("dev", "dev-weather", "automation", "staging", "prod", *OF_MODEL)


@pytest.fixture(scope="session")
def platform() -> Platform:
    return read_platform(CHECKOUT / "platform.yaml")


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesized with CDK's own validation on, so a template that it refuses fails every test here.

    In a folder that all of a run's tests share, those that deploy it among them.
    """
    return synthesized(tmp_path_factory)


def synthesized(factory: pytest.TempPathFactory) -> Path:
    """The same, for fixtures of another room."""
    return once(factory, "assembly", lambda folder: _synthesize(folder, CHECKOUT / "platform.yaml"))


@pytest.fixture(scope="session")
def templates(assembly: Path, platform: Platform) -> dict[str, dict[str, Any]]:
    """Each stack's template: accounts' by their role, models' by role and model (`prod-seattle-rain`)."""
    return read_templates(assembly, platform)


def read_templates(assembly: Path, platform: Platform) -> dict[str, dict[str, Any]]:
    return {
        stack.name.removeprefix(f"{platform.name}-"): json.loads(stack.template.read_text())
        for stack in read_stacks(assembly)
    }


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of a platform with everything that can be asked for, checked by CDK as well."""
    return once(tmp_path_factory, "full", lambda folder: _synthesize(folder, FULL))


def _synthesize(output: Path, platform: Path) -> None:
    synthesize(CHECKOUT / "app.py", output, platform=platform, validate=True)


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every variant's assembly, with its excuses and without, under cdk-nag: see rules.py."""
    return once(tmp_path_factory, "variants", _checked)


def _checked(folder: Path) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, CHECKOUT / "tests/cdk/rules.py", folder, *write_variants(folder)],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
