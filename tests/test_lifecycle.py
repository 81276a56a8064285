"""`isthmus demo`: the whole lifecycle, judged by its report and by what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = [sys.executable, "-m", "isthmus"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one demo, run in a folder of its own with the checkout's cache."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / ".isthmus").mkdir()
    (folder / ".isthmus" / "cache").symlink_to(_cache())
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_"))}
    done = subprocess.run(
        [*PYTHON, "demo", "--report", "report.json"],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    found["left"] = sorted(path.name for path in (folder / ".isthmus").iterdir())
    return found


def _cache() -> Path:
    cache = ROOT / ".isthmus" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def test_the_second_version_was_registered_after_the_first_and_both_are_listed(
    report: dict[str, Any],
) -> None:
    second, first = report["model_packages"]
    assert (first["version"], second["version"]) == (1, 2)
    assert first["status"] == second["status"] == "Approved"
    assert first["metrics"]["metric"] == "log_loss"
    assert first["approved_by"] and second["approved_by"]


def test_each_version_went_to_staging_and_prod_in_one_run_of_its_own(report: dict[str, Any]) -> None:
    runs = {(one["model_package_arn"], one["stage"]): one["run_id"] for one in report["deployments"]}
    arns = [one["arn"] for one in report["model_packages"]]
    assert set(runs) == {(arn, stage) for arn in arns for stage in ("staging", "prod")}
    for arn in arns:
        assert runs[(arn, "staging")] == runs[(arn, "prod")]
    assert len(set(runs.values())) == 2


def test_prod_was_approved_by_somebody_else_than_the_bridge(report: dict[str, Any]) -> None:
    people = {one["approved_by"] for one in report["deployments"] if one["stage"] == "prod"}
    assert people == {"Robin Release"}


def test_the_bridge_queued_exactly_two_deployments_and_one_retraining(report: dict[str, Any]) -> None:
    queued = [one for one in report["events"] if one["hop"] == "queued"]
    assert sorted(one["event_type"] for one in queued) == ["approval", "approval", "quality alarm"]
    assert len({one["correlation_id"] for one in queued}) == 3
    assert all(one["latency_ms"] > 0 for one in report["events"])
    assert not [one for one in report["events"] if one["hop"] in ("failed", "refused")]


def test_every_step_is_timed_and_says_what_it_produced(report: dict[str, Any]) -> None:
    assert len(report["steps"]) >= 15
    assert all(step["result"] and step["seconds"] >= 0 for step in report["steps"])
    assert report["seconds"] >= max(step["seconds"] for step in report["steps"])


def test_nothing_is_left_but_the_cache_and_what_up_goes_on_with(report: dict[str, Any]) -> None:
    assert report["left"] == ["cache", "demo"]
