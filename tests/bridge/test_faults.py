"""The fault injector of `benchmarks/bridge_faults.py`, small: whatever fails, nothing is lost or twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bridge_faults

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bridge_faults.py"


def test_a_hundred_approvals_and_one_survive_every_fault() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--events", "101", "--models", "4", "--seed", "2", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    # Of so few events one that is slow, as the first is, misses the aim for a hundredth of them.
    assert all(line.startswith("missed: p99_ms") for line in done.stderr.splitlines()), done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["events"], said["lost"], said["duplicates"], said["out_of_order"]) == (101, 0, 0, 0)
    struck = {
        "killed before",
        "killed after",
        "broken before",
        "broken after",
        "overlapped",
        "never came",
        "made late",
    }
    assert all(said["faults"][one] for one in struck)


@pytest.mark.parametrize("fault", ["", "lost", "duplicates", "out_of_order", "p99_ms"])
def test_it_fails_where_one_of_them_did_not(
    fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pool:
        def __init__(self, *_: object) -> None:
            pass

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def starmap(self, _: object, work: list[Any]) -> list[dict[str, Any]]:
            usual = dict.fromkeys(("lost", "duplicates", "out_of_order", "dead_letters"), 0)
            rest = {
                "own_ms": [1.0, 50.0 if fault == "p99_ms" else 2.0],
                "seconds": 1.0,
                "faults": {},
                "findings": [],
            }
            return [usual | rest | ({fault: 1} if fault else {}) for _ in work]

    monkeypatch.setattr(bridge_faults.multiprocessing, "get_context", lambda _: type("C", (), {"Pool": Pool}))
    monkeypatch.setattr(sys, "argv", ["bridge_faults.py", "--events", "10", "--models", "4", "--json"])
    with pytest.raises(SystemExit) as ended:
        bridge_faults.main()
    assert (f"missed: {fault} " in str(ended.value.code)) if fault else ended.value.code is None
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["events"] == 10
