"""Predictions per second and p99 latency of `serve`, side by side with MLflow's scoring server.

python benchmarks/serving.py [--seconds N] [--connections N] [--workers N] [--json]

The model is the example's, fitted on its data and saved for both. Both servers get the same CSV of one row,
the same number of worker processes, and the same load from autocannon, in turns; the median of the turns
counts. Batches of a thousand rows come over four connections a worker; over one alone nothing can be
predicted together, and what a request takes of a core is told. What only this needs is installed
when it runs: MLflow in an environment of its own, autocannon with the checkout's npm tools. Exits with 1
where an aim (`AIMS`, beside MLflow's server) is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.aims import AtLeast, missed

AIMS = {
    "speedup": AtLeast(5),
    "speedup_p99": AtLeast(2),
    "speedup_batch": AtLeast(2),
    "speedup_batch_p99": AtLeast(2),
}
ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
MODEL_BUILD = ROOT / "model-build"
BESIDE = ROOT / ".venv/benchmark"
LOCK = ROOT / "requirements/benchmark.lock"
CANNON = ROOT / "node_modules/.bin/autocannon"
TURNS, WARM_UP_SECONDS, BATCH = 3, 2, 1000
FIT = """
import sys
from pathlib import Path
import joblib
from isthmus.config import read_model
from isthmus.container.artifact import complete
from isthmus.container.tabular import read_rows
sys.path.insert(0, ".")
from steps.estimator import make_estimator
folder, config = Path(sys.argv[1]), read_model("model.yaml")
rows = read_rows(Path("data"), config)
model = make_estimator(config).fit(rows[config.features], rows[config.target])
joblib.dump(model, folder / "model.joblib")
complete(folder, config, rows, len(rows))
rows[config.features].to_csv(folder / "rows.csv", index=False)
"""
SAVE = """
import sys
import joblib, mlflow, pandas as pd
from mlflow.models import infer_signature
model, rows = joblib.load(sys.argv[1] + "/model.joblib"), pd.read_csv(sys.argv[1] + "/rows.csv").astype(float)
mlflow.sklearn.save_model(
    model, sys.argv[2], signature=infer_signature(rows, model.predict_proba(rows)),
    pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle", pip_requirements=[],
)
"""


@dataclass(frozen=True)
class Server:
    """Where a server answers, and its first process."""

    url: str
    process: int


@dataclass(frozen=True)
class Load:
    """What autocannon measured of one turn, and what a request took of a core."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    core_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of each turn")
    parser.add_argument("--connections", type=int, default=32, help="that ask at a time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes of each server")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = side_by_side(folder, options.seconds, options.connections, options.workers)
    for name, value in found.items():
        print(f"{value:10.1f} {name}")
    if options.json:
        print(json.dumps(found))
    sys.exit(missed(AIMS, found))


def install() -> None:
    """MLflow beside the checkout's environment, at the same versions; npm's tools are there already."""
    if not CANNON.exists():
        sys.exit("there is no autocannon: run `make install`")
    if (BESIDE / "installed").exists():
        return
    uv = str(PROGRAMS / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(BESIDE)], check=True)
    subprocess.run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(BESIDE / "bin/python"),
            "--require-hashes",
            "-r",
            LOCK,
        ],
        check=True,
    )
    (BESIDE / "installed").touch()


def side_by_side(folder: Path, seconds: int, connections: int, workers: int) -> dict[str, float]:
    """The figures of both; a batch is a request of a thousand rows."""
    artifact, saved = folder / "artifact", folder / "mlflow"
    artifact.mkdir()
    run([sys.executable, "-c", FIT, str(artifact)], MODEL_BUILD)
    run([str(BESIDE / "bin/python"), "-c", SAVE, str(artifact), str(saved)], folder)
    rows = (artifact / "rows.csv").read_text().splitlines(keepends=True)
    one, many = folder / "one.csv", folder / "many.csv"
    one.write_text("".join(rows[:2]))
    many.write_text("".join([rows[0], *(rows[1:] * BATCH)[:BATCH]]))
    ours, theirs = [], []
    with isthmus(artifact, workers) as here, mlflow(saved, workers) as there:
        same(here, there, one)
        for each in (here, there):
            shoot(each, one, WARM_UP_SECONDS, connections)
        for _ in range(TURNS):
            ours.append(shoot(here, one, seconds, connections))
            theirs.append(shoot(there, one, seconds, connections))
        alone, alone_batch = [
            [shoot(each, body, seconds, 1) for each in (here, there)] for body in (one, many)
        ]
        # Several connections a worker: with one each, both may come to the same, and the other is idle.
        batches = [[shoot(each, many, seconds, 4 * workers) for each in (here, there)] for _ in range(TURNS)]
    per_second = statistics.median(turn.requests_per_s for turn in ours)
    per_second_mlflow = statistics.median(turn.requests_per_s for turn in theirs)
    p99, p99_mlflow = (statistics.median(turn.p99_ms for turn in turns) for turns in (ours, theirs))
    batch, batch_mlflow = (
        statistics.median(turn.requests_per_s * BATCH for turn in turns)
        for turns in zip(*batches, strict=True)
    )
    batch_p99, batch_p99_mlflow = (
        statistics.median(turn.p99_ms for turn in turns) for turns in zip(*batches, strict=True)
    )
    return {
        "predictions_per_s": round(per_second, 1),
        "p99_ms": p99,
        "predictions_per_s_mlflow": round(per_second_mlflow, 1),
        "p99_ms_mlflow": p99_mlflow,
        "speedup": round(per_second / per_second_mlflow, 2),
        "speedup_p99": round(p99_mlflow / max(p99, 0.001), 2),
        "alone_p50_ms": alone[0].p50_ms,
        "alone_p50_ms_mlflow": alone[1].p50_ms,
        "alone_core_ms": round(alone[0].core_ms, 2),
        "alone_core_ms_mlflow": round(alone[1].core_ms, 2),
        "alone_batch_core_ms": round(alone_batch[0].core_ms, 2),
        "alone_batch_core_ms_mlflow": round(alone_batch[1].core_ms, 2),
        "batch_rows_per_s": round(batch),
        "batch_rows_per_s_mlflow": round(batch_mlflow),
        "speedup_batch": round(batch / batch_mlflow, 2),
        "batch_p99_ms": batch_p99,
        "batch_p99_ms_mlflow": batch_p99_mlflow,
        "speedup_batch_p99": round(batch_p99_mlflow / max(batch_p99, 0.001), 2),
        "connections": connections,
        "workers": workers,
    }


def run(command: Sequence[str], here: Path) -> None:
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-4000:])


@contextmanager
def isthmus(artifact: Path, workers: int) -> Iterator[Server]:
    port = free_port()
    environment = {
        "SM_MODEL_DIR": str(artifact),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
        "ISTHMUS_BIND_HOST": "127.0.0.1",
    }
    with server([str(PROGRAMS / "serve")], port, environment) as running:
        yield running


@contextmanager
def mlflow(saved: Path, workers: int) -> Iterator[Server]:
    port = free_port()
    command = [
        str(BESIDE / "bin/mlflow"),
        "models",
        "serve",
        "--model-uri",
        str(saved),
        "--env-manager",
        "local",
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    path = f"{BESIDE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with server(command, port, {"PATH": path, "OMP_NUM_THREADS": "1"}) as running:
        yield running


@contextmanager
def server(command: Sequence[str], port: int, environment: Mapping[str, str]) -> Iterator[Server]:
    """A server that answers /ping, in a group of its own, which ends with the block."""
    log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{url}/ping"):
            if process.poll() is not None:
                log.seek(0)
                sys.exit(f"{command[0]} ended: {log.read()[-3000:].decode(errors='replace')}")
            time.sleep(0.1)
        yield Server(url, process.pid)
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def same(here: Server, there: Server, body: Path) -> None:
    """Both must give the same prediction, or they are not compared."""
    asked = [
        urllib.request.urlopen(
            urllib.request.Request(f"{each.url}/invocations", body.read_bytes(), {"Content-Type": "text/csv"})
        )
        for each in (here, there)
    ]
    ours = float(asked[0].read())
    theirs = json.load(asked[1])["predictions"][0][1]
    if abs(ours - theirs) > 1e-9:
        sys.exit(f"the servers differ: {ours} and {theirs}")


def shoot(server: Server, body: Path, seconds: int, connections: int) -> Load:
    """`connections` that each ask again as soon as they are answered; raises unless every answer is a 200."""
    command = [str(PROGRAMS / "node"), str(CANNON), "--json", "--method", "POST", "--input", str(body)]
    command += [
        "--headers",
        "content-type=text/csv",
        "--duration",
        str(seconds),
        "--connections",
        str(connections),
    ]
    before = core_seconds(server.process)
    done = subprocess.run([*command, f"{server.url}/invocations"], capture_output=True, text=True, check=True)
    core_ms = 1000 * (core_seconds(server.process) - before)
    found = json.loads(done.stdout)
    failed = {kind: found[kind] for kind in ("non2xx", "errors", "timeouts") if found[kind]}
    if failed:
        sys.exit(f"{server.url} did not answer every request: {failed}")
    latency = found["latency"]
    answered = found["2xx"]
    return Load(answered / found["duration"], latency["p50"], latency["p99"], core_ms / answered)


def core_seconds(process: int) -> float:
    """What a process and those that it started have taken of the cores so far."""
    parent = psutil.Process(process)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
