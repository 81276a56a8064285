"""Deployments to prod that are killed at random while clients ask: how many requests fail?

python benchmarks/kills.py [--rounds N] [--seed N] [--json]

Runs `tests/deploy/test_kills.py` with as many rounds as asked for (6, of 22 deployments each) of every way to
serve and to move traffic; each deployment is killed once or more often.
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
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        more = {"ROUNDS": str(asked.rounds), "SEED": str(asked.seed), "FOUND": folder}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "tests/deploy/test_kills.py"],
            cwd=ROOT,
            env=os.environ | {f"ISTHMUS_KILLS_{name}": value for name, value in more.items()},
            stdout=sys.stderr,
            check=False,
        )
        if done.returncode:
            raise SystemExit(1)
        each = [json.loads(file.read_text()) for file in Path(folder).glob("*.json")]
        summed = {key: sum(one[key] for one in each) for key in each[0] if key != "seed"}
        found = {"ways": len(each), **summed, "seconds": round(time.perf_counter() - begun, 1)}
    print(json.dumps(found) if asked.json else "\n".join(f"{key:>10} {one}" for key, one in found.items()))


if __name__ == "__main__":
    main()
