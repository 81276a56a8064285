"""What the bridge's Lambda costs before it does anything: its imports, and the size of its package.

python benchmarks/bridge_cold_start.py [--json]

Imports of the package as it is uploaded, the median of 15 fresh processes, in milliseconds of a core: what
else the machine does is not held against them. The interpreter is not counted, for Lambda's runtime has
loaded it by then; the SDK is, for it only lies ready there (`of_sdk_ms` alone).
`uncompiled`: nothing can be written beside the package, so Lambda compiles its modules in every cold start.
Exits with 1 where an aim (`AIMS`) is missed.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.aims import AtMost, missed
from cdk.parts.lambda_asset import lambda_folder

AIMS = {"import_ms": AtMost(200), "import_callback_ms": AtMost(200), "package_mb": AtMost(3)}
ROOT = Path(__file__).parent.parent
RUNS = 15
TIMED = "import time; start = time.process_time(); import {}; print((time.process_time() - start) * 1000)"


def imported(module: str, folder: Path) -> float:
    """Milliseconds of a core."""
    here = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", TIMED.format(module)]
    taken = [
        float(subprocess.run(command, cwd=folder, env=here, capture_output=True, check=True).stdout)
        for _ in range(RUNS)
    ]
    return round(statistics.median(taken), 1)


def archived(folder: Path) -> int:
    """Bytes of the archive that is uploaded."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.seek(0, os.SEEK_END)


def measured() -> dict[str, float]:
    package = lambda_folder(ROOT / "bridge")
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "package"
        shutil.copytree(package, compiled)
        compileall.compile_dir(compiled, quiet=1)
        return {
            "import_ms": imported("bridge.handler", compiled),
            "import_callback_ms": imported("bridge.callback", compiled),
            "of_sdk_ms": imported("botocore.session", compiled),
            "import_uncompiled_ms": imported("bridge.handler", package),
            "package_mb": round(archived(package) / 1e6, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    said = measured()
    for name, value in said.items():
        print(f"{name:<22} {value}")
    if asked.json:
        print(json.dumps(said))
    sys.exit(missed(AIMS, said))


if __name__ == "__main__":
    main()
