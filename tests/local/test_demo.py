"""`isthmus demo`: what it refuses before it starts anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus.errors import BadInput, Refused, Unavailable
from isthmus.local import lock
from isthmus.local.commands import demo
from isthmus.local.lifecycle import Lifecycle, Verdict
from isthmus.local.platform import Local
from isthmus.local.world import World

CLOUDS = Local(Path(), 0, "http://aws", "http://azure", "contoso", Path(), Path())


def test_a_second_demo_leaves_the_first_ones_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / ".isthmus" / "demo" / "scene"
    mine.mkdir(parents=True)
    with (
        lock.held(tmp_path / ".isthmus" / "demo.lock", Refused("free")),
        pytest.raises(Refused, match="a demo is already running here"),
    ):
        CliRunner().invoke(demo, catch_exceptions=False)
    assert mine.exists()


def reported(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_a_demo_that_fails_reports_the_step_that_failed_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def no_clouds(*_about: object) -> Iterator[None]:
        raise Unavailable("the local AWS did not start", where="server.log", todo="see the end of its log")
        yield

    monkeypatch.setattr("isthmus.local.demo.running", no_clouds)
    with pytest.raises(Unavailable):
        CliRunner().invoke(demo, ["--report", "report.json"], catch_exceptions=False)
    found = reported(tmp_path)
    why = "the local AWS did not start\n  where: server.log\n  do:    see the end of its log"
    assert (found["status"], found["end"]) == ("failed", why)
    (step,) = found["steps"]
    assert (step["name"], step["status"], step["result"]) == ("Start the local clouds", "failed", why)


def test_bad_input_is_reported_too_though_no_step_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(BadInput):
        CliRunner().invoke(demo, ["--report", "report.json", "--model-build", "mine"], catch_exceptions=False)
    found = reported(tmp_path)
    assert (found["status"], found["steps"]) == ("failed", [])
    assert "model.yaml" in found["end"]


def test_a_report_that_cannot_be_written_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="report cannot be written"):
        CliRunner().invoke(demo, ["--report", "not/there.json"], catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_demo_reports_what_was_done_and_where_it_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "isthmus", "demo", "--report", "report.json"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("ISTHMUS_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # Whoever acts in the second step is given a key first.
    key = tmp_path / ".isthmus" / "demo" / "clouds" / "laptop-admin.json"
    while not key.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=60)
    assert (process.returncode, problem) == (130, "")
    found = reported(tmp_path)
    assert (found["status"], found["end"]) == ("interrupted", "interrupted by Ctrl-C")
    assert [(one["name"], one["status"]) for one in found["steps"]] == [
        ("Start the local clouds", "succeeded"),
        ("Synthesize and check the stacks", "interrupted"),
    ]
    assert found["steps"][0]["result"].startswith("AWS ")
    assert found["seconds"] >= sum(one["seconds"] for one in found["steps"]) - 0.1
    assert "✗ Synthesize and check the stacks" in said


@pytest.mark.parametrize(("red", "code"), [(True, 1), (False, 0)])
def test_a_model_below_its_bar_ends_a_demo_as_model_yaml_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, red: bool, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    verdict = "not registered: AUC 0.61 < 0.70"
    for step in ("furnish_aws", "furnish_azure", "pull_request"):
        monkeypatch.setattr(Lifecycle, step, lambda _self: None)
    monkeypatch.setattr(Lifecycle, "build", lambda *_: Verdict(verdict, red))
    monkeypatch.setattr("isthmus.local.demo.running", lambda *_: nullcontext(CLOUDS))
    monkeypatch.setattr(World, "acting", lambda *_: nullcontext())
    monkeypatch.setattr(World, "client", lambda _self: None)
    monkeypatch.setattr("isthmus.local.demo.look_back", lambda *_: None)
    monkeypatch.setattr("isthmus.local.spent.of_runs", lambda _client: {})
    done = CliRunner().invoke(demo, ["--report", "report.json"], catch_exceptions=False)
    assert done.exit_code == code
    assert f"\n{verdict}; prod serves nothing.\n" in done.output
    assert reported(tmp_path)["status"] == ("failed" if red else "succeeded")
