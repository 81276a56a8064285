"""What the Lambdas of the bridge import before they do anything: benchmarks/bridge_cold_start.py times it."""

from __future__ import annotations

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


def test_the_package_is_small() -> None:
    """Without the SDK, which Lambda has."""
    assert AIMS["package_mb"].is_met(archived(lambda_folder(ROOT / "bridge")) / 1e6)
