"""Deployments to prod that are killed at random while clients ask: how many requests fail?

python benchmarks/kills.py [--steps N] [--seed N] [--json]

Runs `tests/deploy/test_kills.py` with as many deployments as asked for (120), each killed once or more often.
Exits with 1 where a request failed, a deployment could not go on, or something was left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, begun = Path(folder) / "found.json", time.perf_counter()
        more = {"STEPS": str(asked.steps), "SEED": str(asked.seed), "FOUND": str(file)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "tests/deploy/test_kills.py"],
            cwd=ROOT,
            env=os.environ | {f"ISTHMUS_KILLS_{name}": value for name, value in more.items()},
            stdout=sys.stderr,
            check=False,
        )
        if done.returncode:
            raise SystemExit(1)
        found = json.loads(file.read_text()) | {"seconds": round(time.perf_counter() - begun, 1)}
    print(json.dumps(found) if asked.json else "\n".join(f"{key:>10} {one}" for key, one in found.items()))


if __name__ == "__main__":
    main()
