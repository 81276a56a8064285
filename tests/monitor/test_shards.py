"""Several instances that see a share each come to what one comes to alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from isthmus.config.monitoring import Monitoring
from isthmus.monitor import settings
from isthmus.monitor.baseline import write_baseline
from isthmus.monitor.pipeline import Monitor, definition
from tests.monitor.captured import evaluation, label, line, write
from tests.monitor.job import artifact, cloudwatch, run

__all__ = ["cloudwatch"]
HOSTS = ["algo-1", "algo-2", "algo-3"]
# More rows than a shard of 60 has, and fewer than all have.
EXPLAINED = 100
INFERENCE = """
def features(folder):
    return {"a": "number", "b": "text"}

def model_fn(folder):
    return None

def predict_fn(rows, model):
    return (rows["a"] + (rows["b"] == "x")).tolist()
"""


def inputs(opt_ml: Path, shares: list[int]) -> Path:
    """A job's inputs with the captures of these hours only; each hour is a file."""
    folder, rng = opt_ml / "processing" / "input", random.Random(1)
    trained = pd.DataFrame({"a": [rng.gauss(0, 1) for _ in range(6000)], "b": ["x", "y", "z"] * 2000})
    write_baseline(trained, folder / "baseline", features=["a", "b"], target="y")
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "evaluation.json").write_text(json.dumps(evaluation()))
    trained.assign(y=0)[:200].to_csv(folder / "evaluation" / "holdout.csv", index=False)
    artifact(folder / "model", INFERENCE, "y")
    for hour in range(6):
        asked = [
            line(f"a,b\n{rng.gauss(1, 1)},{rng.choice('xyw')}\n", f"{rng.random()}\n", f"{hour}-{row}")
            for row in range(30)
        ]
        if hour in shares:
            write(folder / "captures", [*asked, "{broken"], f"2026/11/21/{hour:02}/00-00-000-x.jsonl")
    write(folder / "labels", [label(f"{hour}-{row}", row % 2) for hour in range(6) for row in range(30)])
    return opt_ml


def shard(opt_ml: Path, host: int, parts: Path) -> None:
    (opt_ml / "config").mkdir()
    told = {"current_host": HOSTS[host], "hosts": HOSTS}
    (opt_ml / "config" / "resourceconfig.json").write_text(json.dumps(told))
    command = [str(Path(sys.prefix) / "bin" / "process"), "-m", "isthmus.monitor.step", "shard"]
    done = subprocess.run(
        command, env=os.environ | {"ISTHMUS_OPT_ML": str(opt_ml)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (part,) = (opt_ml / "processing" / "output" / "part").iterdir()
    parts.mkdir(parents=True, exist_ok=True)
    part.rename(parts / part.name)


def report(opt_ml: Path, name: str) -> Any:
    return json.loads((opt_ml / "processing" / "output" / "report" / name).read_text())


def test_shards_come_to_what_one_instance_comes_to(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Monitoring.model_validate({"explanations": {"rows": EXPLAINED}})
    for name, value in settings.written(asked).items():
        monkeypatch.setenv(name, value)
    alone = inputs(tmp_path / "alone", list(range(6)))
    run(alone, cloudwatch[0])
    merged = inputs(tmp_path / "merged", [])
    for host in range(3):
        there = inputs(tmp_path / f"host-{host}", [host, host + 3])
        shard(there, host, merged / "processing" / "input" / "parts")
    run(merged, cloudwatch[0], "merge")
    assert report(alone, "findings.json")["rows"] == 180
    one, other = report(alone, "findings.json"), report(merged, "findings.json")
    assert one["explained"]["rows"] == EXPLAINED
    for found in (one, other):
        found["set_aside"][0].pop("first")
        found.pop("made")
    for mine, theirs in zip(one.pop("drift"), other.pop("drift"), strict=True):
        assert mine.pop("distances") == pytest.approx(theirs.pop("distances"), rel=1e-9)
        assert mine == theirs
    assert one == other


def test_the_pipeline_has_a_step_that_adds_up_where_there_are_several_instances() -> None:
    usual = dict.fromkeys(Monitor.__dataclass_fields__, "s3://b/k") | {
        "tags": {},
        "version": 1,
        "network": None,
    }
    one = json.loads(definition(Monitor(**usual | {"settings": Monitoring()})))
    assert [step["Name"] for step in one["Steps"]] == ["Monitor"]
    several = json.loads(definition(Monitor(**usual | {"settings": Monitoring(instance_count=3)})))
    see, add = (step["Arguments"] for step in several["Steps"])
    assert see["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    assert add["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1
    (parts,) = (one for one in add["ProcessingInputs"] if one["InputName"] == "parts")
    assert "Steps.See" in parts["S3Input"]["S3Uri"]["Get"]
    run = see["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]["Std:Join"]["Values"][-1]
    assert run == {"Get": "Execution.PipelineExecutionId"}
