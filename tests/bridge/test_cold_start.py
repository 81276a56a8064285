"""What the Lambdas of the bridge import before they do anything: benchmarks/bridge_cold_start.py times it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bridge_cold_start import AIMS, archived
from cdk.parts.lambda_asset import lambda_folder

ROOT = Path(__file__).parents[2]
# Each took a tenth of the cold start or more, and nothing that is done needs it.
HEAVY = {
    "asyncio",
    "pydantic",
    "boto3",
    "multiprocessing",
    "s3transfer",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes",
    "aws_lambda_powertools.utilities.idempotency",
}


@pytest.mark.parametrize("entry", ["bridge.handler", "bridge.callback"])
def test_nothing_heavy_is_imported(entry: str) -> None:
    asked = f"import sys, {entry}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert entry in imported
    assert imported & HEAVY == set()


def test_the_package_carries_what_it_imports_of_the_rest() -> None:
    """And nothing of the checkout is taken for it."""
    folder = lambda_folder(ROOT / "bridge")
    asked = (
        "import sys, bridge.handler; ours = ('bridge', 'isthmus'); "
        "print(*(sys.modules[one].__file__ for one in sys.modules if one.split('.')[0] in ours))"
    )
    there = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", asked], cwd=folder, env=there, capture_output=True, text=True, check=True
    )
    files = done.stdout.split()
    assert any(file.endswith("isthmus/agreement.py") for file in files)
    assert [file for file in files if not file.startswith(str(folder))] == []


def test_the_package_is_small() -> None:
    """Without the SDK, which Lambda has."""
    assert AIMS["package_mb"].is_met(archived(lambda_folder(ROOT / "bridge")) / 1e6)
