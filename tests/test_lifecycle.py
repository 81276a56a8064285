"""`isthmus demo`: the whole lifecycle, judged by its report and by what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    done = subprocess.run(
        [*PYTHON, "demo", "--report", "report.json"],
        cwd=folder,
        env=clean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    found["said"] = done.stdout
    found["folder"] = folder
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
    prod = [one for one in report["deployments"] if one["stage"] == "prod"]
    assert {one["approved_by"] for one in prod} == {one["passed_by"] for one in prod} == {"Robin Release"}
    assert {one["version_approved_by"] for one in report["deployments"]} == {"robin"}


def test_the_gain_that_justifies_the_second_version_is_shown_wherever_it_is_listed(
    report: dict[str, Any],
) -> None:
    second, first = report["model_packages"]
    assert first["gain"] is None
    assert second["gain"] == {
        "value": pytest.approx(0.290, abs=5e-4),
        "ci_low": pytest.approx(0.151, abs=5e-4),
        "ci_high": pytest.approx(0.428, abs=5e-4),
        "over": 1,
        "rows": 91,
    }
    gain = "gain 0.290 [0.151, 0.428] over version 1 on the same 91 rows"
    assert gain in next(one["result"] for one in report["steps"] if one["name"].startswith("Retrain"))
    assert report["end"] == f"Prod serves version 2: {gain}."


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
    assert report["seconds"] == pytest.approx(sum(report["spent"].values()), abs=2)


def test_what_it_prints_fits_a_terminal_and_says_where_the_later_data_are_from(
    report: dict[str, Any],
) -> None:
    assert max(map(len, report["said"].splitlines())) <= 80
    assert "181 rows of later.csv asked, then labelled; with the prediction above 182" in report["said"]
    assert "182 rows captured" in report["said"]


def test_nothing_is_left_but_the_cache_and_what_up_goes_on_with(report: dict[str, Any]) -> None:
    assert report["left"] == ["cache", "demo", "demo.lock"]


def test_up_goes_on_with_what_the_demo_left(report: dict[str, Any]) -> None:
    """As the last lines of the demo say: what it made is there, and its endpoint answers."""
    folder = report["folder"]
    assert "isthmus up --demo" in report["said"]
    with up(folder, "--demo"):
        told = subprocess.run(
            [
                "bash",
                "-c",
                'eval "$(isthmus env)" && isthmus status && isthmus invoke seattle-rain --row 1,0,5,-2,2',
            ],
            cwd=folder,
            env=clean(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        again = subprocess.run(
            [*PYTHON, "demo"], cwd=folder, env=clean(), capture_output=True, text=True, check=False
        )
    assert "InService  seattle-rain/2" in told
    assert 0 < float(told.splitlines()[-1]) < 1
    assert again.returncode == 4 and "already running" in again.stderr


@contextmanager
def up(folder: Path, *options: str) -> Iterator[None]:
    process = subprocess.Popen(
        [*PYTHON, "up", *options],
        cwd=folder,
        env=clean(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert any("In another terminal" in line for line in iter(process.stdout.readline, ""))
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def clean() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "ISTHMUS_", "GIT_"))}
    return kept | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
