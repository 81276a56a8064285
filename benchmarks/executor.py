"""What the local executor adds to a step, beside running the same script bare (median of 9, in ms).

python benchmarks/executor.py [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from isthmus.executor.sample import run_definition

RUNS = 9
STEPS = 10
SCRIPT = "print('done')\n"


def step(number: int) -> dict[str, Any]:
    source = {
        "InputName": "code",
        "S3Input": {
            "S3Uri": "s3://bench/code",
            "LocalPath": "/opt/ml/processing/input/code",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }
    arguments: dict[str, Any] = {
        "AppSpecification": {
            "ImageUri": "bench",
            "ContainerEntrypoint": ["process"],
            "ContainerArguments": ["script.py"],
        },
        "RoleArn": "arn:aws:iam::000000000000:role/bench",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "ProcessingInputs": [source],
    }
    one: dict[str, Any] = {"Name": f"Step{number}", "Type": "Processing", "Arguments": arguments}
    return one | ({"DependsOn": [f"Step{number - 1}"]} if number else {})


def executed(folder: Path) -> float:
    """Milliseconds a step, of a pipeline of ten steps one after the other."""
    definition = {"Version": "2020-12-01", "Parameters": [], "Steps": [step(n) for n in range(STEPS)]}
    ran = run_definition(definition, {}, {"s3://bench/code": folder / "code"}, folder / "output")
    return statistics.median(one.seconds for one in ran.steps) * 1000


def bare(folder: Path) -> float:
    """Milliseconds of the same program on the same script, started by hand."""
    taken = []
    opt_ml = folder / "bare"
    code = opt_ml / "processing" / "input" / "code"
    code.mkdir(parents=True)
    (code / "script.py").write_text(SCRIPT)
    program = str(Path(sys.executable).parent / "process")
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(
            [program, "script.py"], env={"ISTHMUS_OPT_ML": str(opt_ml)}, capture_output=True, check=True
        )
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "code").mkdir()
        (folder / "code" / "script.py").write_text(SCRIPT)
        found = {"step_ms": round(executed(folder), 1), "bare_ms": round(bare(folder), 1)}
    found["overhead_ms"] = round(found["step_ms"] - found["bare_ms"], 1)
    for name, value in found.items():
        print(f"{value:8.1f} {name}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
