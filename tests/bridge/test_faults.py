"""The fault injector of `benchmarks/bridge_faults.py`, small: whatever fails, nothing is lost or twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bridge_faults.py"


def test_a_hundred_approvals_survive_every_fault() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--events", "100", "--models", "4", "--seed", "8", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["events"], said["lost"], said["duplicates"], said["out_of_order"]) == (100, 0, 0, 0)
    struck = {"killed before", "killed after", "broken before", "broken after", "overlapped", "never came"}
    assert all(said["faults"][one] for one in struck)
