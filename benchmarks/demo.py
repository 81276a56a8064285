"""How long the demo takes, and where the time goes.

python benchmarks/demo.py [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(
            [sys.executable, "-m", "isthmus", "demo", "--report", str(report)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
        found = json.loads(report.read_text())
    for step in sorted(found["steps"], key=lambda one: -one["seconds"]):
        print(f"{step['seconds']:7.1f} s  {step['name']}")
    print(f"{found['seconds']:7.1f} s  in all")
    if options.json:
        steps = {step["name"]: step["seconds"] for step in found["steps"]}
        print(json.dumps({"seconds": found["seconds"], "steps": steps}))


if __name__ == "__main__":
    main()
