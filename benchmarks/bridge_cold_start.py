"""What the bridge's Lambda costs before it does anything: its imports, and the size of its package.

python benchmarks/bridge_cold_start.py [--json]

Imports are the median of 9 fresh processes; of them boto3 alone is told too, which Lambda has.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
RUNS = 9
TIMED = "import time; start = time.perf_counter(); import {}; print((time.perf_counter() - start) * 1000)"


def imported(module: str) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", TIMED.format(module)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        taken.append(float(done.stdout))
    return round(statistics.median(taken), 1)


def package() -> int:
    """Bytes of the archive that is uploaded."""
    from cdk.parts.lambda_asset import lambda_folder

    folder = lambda_folder(ROOT / "bridge")
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.seek(0, os.SEEK_END)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    said = {
        "import_ms": imported("bridge.handler"),
        "import_callback_ms": imported("bridge.callback"),
        "import_boto3_ms": imported("boto3"),
        "package_mb": round(package() / 1e6, 2),
    }
    if asked.json:
        print(json.dumps(said))
        return
    for name, value in said.items():
        print(f"{name:<20} {value}")


if __name__ == "__main__":
    main()
