"""`isthmus demo`: the whole lifecycle, judged by its report and by what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
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
    (folder / ".isthmus" / "cache").symlink_to(cache())
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


def cache() -> Path:
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
    assert first["approved_by"] == second["approved_by"] == "robin"
    assert first["approved_at"] < second["approved_at"]


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


def test_each_approval_has_its_moment_and_they_are_in_order(report: dict[str, Any]) -> None:
    """As SageMaker and Azure DevOps say: the version was approved, then its run let pass to prod."""
    for package in report["model_packages"]:
        staging, prod = (
            next(
                one
                for one in report["deployments"]
                if (one["model_package_arn"], one["stage"]) == (package["arn"], stage)
            )
            for stage in ("staging", "prod")
        )
        assert staging["approved_at"] == staging["version_approved_at"] == package["approved_at"]
        assert staging["passed_at"] == "" and prod["approved_at"] == prod["passed_at"]
        approved, passed = map(datetime.fromisoformat, (package["approved_at"], prod["passed_at"]))
        queued = next(
            one for one in report["events"] if one["hop"] == "queued" and one["subject"] == package["arn"]
        )
        assert approved <= datetime.fromisoformat(queued["at"]) <= passed
        # As people read it, under the table's title.
        assert f"robin, {approved.astimezone():%H:%M}" in report["said"]
        assert f"Robin Release, {passed.astimezone():%H:%M}" in report["said"]


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
    # Each approval's event queued the one run that deployed exactly its version.
    deployed = {one["model_package_arn"]: str(one["run_id"]) for one in report["deployments"]}
    approvals = [one for one in queued if one["event_type"] == "approval"]
    assert {one["subject"]: one["run_id"] for one in approvals} == deployed
    for hops in map(hops_of(report), queued):
        assert [one["hop"] for one in hops].count("queued") == 1
        assert [one["at"] for one in hops] == sorted(one["at"] for one in hops)
        assert len({one["subject"] for one in hops}) == 1
    assert all(one["latency_ms"] > 0 for one in report["events"])
    assert not [one for one in report["events"] if one["hop"] in ("failed", "refused")]


def test_each_training_completed_the_job_that_waited_for_it_without_an_agent(report: dict[str, Any]) -> None:
    completed = [one for one in report["events"] if one["hop"] == "completed"]
    assert {(one["event_type"], one["reason"]) for one in completed} == {
        ("execution", "Succeeded: succeeded")
    }
    said = " ".join(str(one["result"]) for one in report["steps"])
    builds = re.findall(r"run (\d+) registered", said)
    assert len(builds) == 2 and sorted(one["run_id"] for one in completed) == sorted(builds)


def hops_of(report: dict[str, Any]) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """The hops of an event, by its correlation id."""
    return lambda event: [one for one in report["events"] if one["correlation_id"] == event["correlation_id"]]


def result(report: dict[str, Any], step: str) -> str:
    return next(str(one["result"]) for one in report["steps"] if one["name"].startswith(step))


def test_prod_answers_with_a_probability(report: dict[str, Any]) -> None:
    asked, _, answered = result(report, "Ask prod").partition(" → ")
    assert len(asked.split(",")) == 5
    assert 0 < float(answered) < 1


def test_the_monitor_names_what_drifted_and_what_was_lost(report: dict[str, Any]) -> None:
    said = result(report, "Monitor prod")
    verdicts = dict(re.findall(r"^  (\w+) +[\d.]+ +[\d.]+ +[\d.e-]+  (drift|steady)$", said, re.MULTILINE))
    assert set(verdicts) == {"day_of_year", "precipitation", "temp_max", "temp_min", "wind", "prediction"}
    assert verdicts["day_of_year"] == verdicts["temp_max"] == "drift"
    assert re.search(r"^log_loss \d\.\d+ \[.*on 181 labels, registered .*: a loss beyond chance$", said, re.M)


def test_every_step_is_timed_and_says_what_it_produced(report: dict[str, Any]) -> None:
    assert len(report["steps"]) >= 15
    assert all(step["result"] and step["seconds"] >= 0 for step in report["steps"])
    assert {step["status"] for step in report["steps"]} == {report["status"]} == {"succeeded"}
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


# What prod's approver found in the tab Extensions of the newest deploy run.
EVIDENCE = """python - <<'END'
from isthmus.azure import runs
from isthmus.azure.client import signed_in
client = signed_in()
run = runs.every(client, "seattle-rain-deploy")[0].id
for one in client.get(f"build/builds/{run}/attachments/Distributedtask.Core.Summary")["value"]:
    print(client.content(one["_links"]["self"]["href"]).decode())
END"""


def test_up_goes_on_with_what_the_demo_left(report: dict[str, Any]) -> None:
    """As the last lines of the demo say: what it made is there, and its endpoint answers."""
    folder = report["folder"]
    assert "isthmus up --demo" in report["said"]
    with up(folder, "--demo"):
        told = subprocess.run(
            [
                "bash",
                "-c",
                'eval "$(isthmus env)" && isthmus status --json && isthmus status && '
                "isthmus invoke seattle-rain --row 1,0,5,-2,2",
            ],
            cwd=folder,
            env=clean(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        shown = subprocess.run(
            ["bash", "-c", f'eval "$(isthmus env)" && {EVIDENCE}'],
            cwd=folder,
            env=clean(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        well = subprocess.run(
            [
                "bash",
                "-c",
                'eval "$(isthmus env --as admin)" && isthmus azure plan --exit-code && isthmus doctor --json',
            ],
            cwd=folder,
            env=clean(),
            capture_output=True,
            text=True,
            check=False,
        )
        again = subprocess.run(
            [*PYTHON, "demo"], cwd=folder, env=clean(), capture_output=True, text=True, check=False
        )
    status, end = json.JSONDecoder().raw_decode(told)
    second, first = (one["arn"] for one in report["model_packages"])
    assert {one["stage"]: one["model_package_arn"] for one in status["endpoints"]} == {
        "staging": second,
        "prod": second,
    }
    # One run an approval, of exactly that version.
    runs = [one for one in status["runs"] if one["pipeline"] == "seattle-rain-deploy"]
    assert [one["parameters"]["modelPackageArn"] for one in runs] == [second, first]
    assert [one["result"] for one in runs] == ["succeeded", "succeeded"]
    assert "InService  seattle-rain/2" in told[end:]
    assert 0 < float(told.splitlines()[-1]) < 1
    evidence = shown[shown.index("# Version 2 of seattle-rain") :]
    assert "Gain 0.290 [0.151, 0.428] over version 1 on the same 91 rows" in evidence
    assert "\n0 of " in evidence and "| Gates of staging: " in evidence and "- commit: `" in evidence
    # Nothing is left to change or to mend.
    plan, _, examined = well.stdout.partition("\n")
    assert well.returncode == 0 and plan.startswith("nothing to change in project"), well.stdout + well.stderr
    assert {one["status"] for one in json.loads(examined)} == {"ok"}, examined
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
        process.wait(60)


def clean() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "ISTHMUS_", "GIT_"))}
    return kept | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
