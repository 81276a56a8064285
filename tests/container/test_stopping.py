"""`serve` as processes: drained when told to stop, replaced when killed; and why they cannot start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.container.jobs import PROGRAMS
from tests.container.serving import Served, serving

INFERENCE = """
import time
def features(folder):
    return {"size": "number"}
def model_fn(folder):
    return float((folder / "factor").read_text())
def predict_fn(frame, factor):
    time.sleep(0.01)
    return frame["size"] * factor
"""


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A model that takes its time."""
    code = tmp_path / "model/code/serving"
    code.mkdir(parents=True)
    (code / "__init__.py").touch()
    (code / "inference.py").write_text(INFERENCE)
    (tmp_path / "model/metadata.json").write_text('{"target": "price"}')
    (tmp_path / "model/factor").write_text("2")
    return tmp_path / "model"


@dataclass
class Callers:
    """Threads that ask all along, until they are told that the server stops or it refuses a connection."""

    served: Served
    answered: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def ask(self, number: int) -> None:
        session = requests.Session()
        while not self.told.is_set():
            try:
                answer = session.post(
                    f"{self.served.url}/invocations",
                    data=f"{number}",
                    headers={"Content-Type": "text/csv"},
                    timeout=60,
                )
            except requests.RequestException as error:
                self.lost.append(repr(error))
                return
            self.answered.append(answer.status_code)
            if float(answer.text) != 2 * number:
                self.lost.append(answer.text)
            if answer.headers.get("connection") == "close":
                return


def health(served: Served) -> Iterator[int]:
    """What /ping says until nobody answers any more."""
    while True:
        try:
            yield requests.get(f"{served.url}/ping", timeout=60).status_code
        except requests.ConnectionError:
            return


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_lost_when_it_stops(artifact: Path, workers: int) -> None:
    with serving(artifact, workers) as served:
        callers = Callers(served)
        threads = [threading.Thread(target=callers.ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        while len(callers.answered) < 50:
            time.sleep(0.01)
        served.process.send_signal(signal.SIGTERM)
        seen = set(health(served))
        for thread in threads:
            thread.join()
        assert served.process.wait(60) == 0
    assert 503 in seen
    assert callers.lost == []
    assert set(callers.answered) == {200}


def test_a_process_that_is_killed_is_replaced(artifact: Path) -> None:
    with serving(artifact, 2) as served:
        before = children(served.process.pid)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        while len(set(children(served.process.pid)) - {before[0]}) < 2:
            time.sleep(0.02)
        while next(health(served), 0) != 200:
            time.sleep(0.02)
        assert served.ask("21").text == "42.0\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_loaded_is_not_searched_for_garbage_while_callers_wait(artifact: Path, workers: int) -> None:
    asking = "import gc\n" + INFERENCE.replace(
        'frame["size"] * factor', "[gc.get_freeze_count()] * len(frame)"
    )
    (artifact / "code/serving/inference.py").write_text(asking)
    with serving(artifact, workers) as served:
        assert int(served.ask("21").text) > 10_000


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(one) for one in found.split()]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("factor", "two", "could not convert string to float: 'two' (code/serving/inference.py:6)"),
        ("factor", None, "FileNotFoundError"),
        ("metadata.json", "{", "metadata.json"),
        ("metadata.json", None, "metadata.json"),
        ("code/serving/inference.py", "import nothing_like_it", "No module named 'nothing_like_it'"),
        ("code/serving/inference.py", "def broken(:", "SyntaxError"),
        ("code/serving/inference.py", "raise SystemExit(0)", "SystemExit"),
        ("code/serving/inference.py", "", "no function features"),
        ("code/serving/inference.py", None, "no code/serving/inference.py"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_artifact_that_is_broken_is_named_in_a_line(
    artifact: Path, tmp_path: Path, file: str, content: str | None, words: str, workers: str
) -> None:
    broken = shutil.copytree(artifact, tmp_path / "broken")
    if content is None:
        (broken / file).unlink()
    else:
        (broken / file).write_text(content)
    done = subprocess.run(
        [str(PROGRAMS / "serve")],
        env={**os.environ, "SM_MODEL_DIR": str(broken), "SAGEMAKER_MODEL_SERVER_WORKERS": workers},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = set(done.stderr.splitlines())
    assert len(lines) == 1 and words in lines.pop()
