"""How long the commands take to answer that need neither CDK nor the SageMaker SDK (median of 7, in ms).

python benchmarks/cli.py [--json]

`--help` takes 0.1 s of one core. What reads a configuration file, or prints its schema, takes about 0.3:
pydantic is loaded, and builds what validates each model of isthmus/config.

Those that ask a cloud are measured where the environment names the local one (`isthmus env`): they read
platform.yaml and AWS's descriptions of its services, which alone takes half a second of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "isthmus --help": ["isthmus", "--help"],
    "isthmus models --help": ["isthmus", "models", "--help"],
    "isthmus schema platform": ["isthmus", "schema", "platform"],
    "isthmus infra accounts": ["isthmus", "infra", "accounts"],
}
ASKING = {f"isthmus {name}": ["isthmus", name] for name in ("status", "models", "events")}
RUNS = 7


def milliseconds(argv: list[str]) -> float:
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(argv, capture_output=True, check=True)
        taken.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(taken), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    here = str(Path(sys.executable).parent / "isthmus")
    measured = COMMANDS | (ASKING if os.environ.get("AWS_ENDPOINT_URL") else {})
    found = {
        name: milliseconds([here if word == "isthmus" else word for word in argv])
        for name, argv in measured.items()
    }
    for name, median in found.items():
        print(f"{median:8.1f} ms  {name}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
