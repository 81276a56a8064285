"""`serve` over HTTP, as SageMaker asks it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
import yaml

from isthmus.config import ModelConfig
from isthmus.container.artifact import complete
from tests.build.example import estimator
from tests.container.jobs import MODEL_BUILD, PROGRAMS
from tests.container.serving import Served, serving

CONFIG = {
    "name": "other",
    "problem": "binary",
    "data": {"source": "rows.csv"},
    "target": "y",
    "features": ["size", "colour"],
    "evaluation": {"metric": "auc", "threshold": 0.5},
    "hyperparameters": {"estimator": "linear"},
}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, code = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("code")
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"size": random.normal(size=100), "colour": random.choice(["red", "blue"], 100)})
    rows["y"] = (rows["size"] > 0).astype(int)
    config = ModelConfig.model_validate(CONFIG)
    joblib.dump(estimator(config).fit(rows[config.features], rows["y"]), folder / "model.joblib")
    (code / "model.yaml").write_text(yaml.safe_dump(CONFIG))
    for name in ("serving", "steps"):
        (code / name).symlink_to(MODEL_BUILD / name)
    before = Path.cwd()
    os.chdir(code)
    try:
        complete(folder, config, rows, 100)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="module")
def served(artifact: Path) -> Iterator[Served]:
    with serving(artifact) as found:
        yield found


@pytest.mark.parametrize(
    "body",
    [
        "size,colour\n1.5,red\n-2,blue\n",
        "colour,size\nred,1.5\nblue,-2\n",
        "1.5,red\n-2,blue",
        "\ufeffsize,colour\r\n1.5,red\r\n-2,blue\r\n",
        "size,colour\n,\n1e3,green\n",
    ],
)
def test_rows_as_csv(served: Served, body: str) -> None:
    answer = served.ask(body.encode())
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert all(0 <= float(line) <= 1 for line in answer.text.splitlines())
    assert len(answer.text.splitlines()) == 2


@pytest.mark.parametrize(
    "body",
    [
        [{"size": 1.5, "colour": "red"}, {"size": None, "colour": None}],
        {"instances": [{"colour": "red", "size": 1.5}, [3, "red"]]},
        [[1.5, "red"], [True, ""]],
    ],
)
def test_rows_as_json(served: Served, body: object) -> None:
    answer = served.ask(json.dumps(body), "application/json; charset=utf-8", "application/json")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["predictions"]) == 2


def test_the_answer_does_not_depend_on_how_it_was_asked(served: Served) -> None:
    as_csv = float(served.ask("1.5,red").text)
    as_json = served.ask('[{"size": 1.5, "colour": "red"}]', "application/json", "application/json")
    assert as_json.json()["predictions"] == [pytest.approx(as_csv)]


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        ("", "text/csv", 400, "the request is empty"),
        (" \n", "text/csv", 400, "the request is empty"),
        ("size,colour\n", "text/csv", 400, "no rows"),
        ("size\n1\n", "text/csv", 400, "missing column 'colour'; the model takes: size, colour"),
        ("size,colour,shape\n1,red,round\n", "text/csv", 400, "unknown column 'shape'"),
        ("size,colour\n1,red\nbig,red\n", "text/csv", 400, "row 2, column 'size': 'big' is not a number"),
        ("size,colour\n1,red,3\n", "text/csv", 400, "row 1 has 3 cells, the header has 2"),
        ("1,red,3\n", "text/csv", 400, "row 1 has 3 cells, not 2 (without 'y'); the model takes: size"),
        ("size,colour\ninf,red\n", "text/csv", 400, "row 1, column 'size': 'inf' is not a finite number"),
        ("[{'size': 1}]", "application/json", 400, "not JSON"),
        ('[{"size": NaN, "colour": "red"}]', "application/json", 400, "NaN is no JSON value"),
        ("[]", "application/json", 400, "no rows"),
        ("3", "application/json", 400, "no rows"),
        ("[3]", "application/json", 400, "row 1 is neither"),
        ('[{"size": 1}]', "application/json", 400, "missing column 'colour'"),
        ('[{"size": [1], "colour": "red"}]', "application/json", 400, "column 'size': a number is needed"),
        ("<row/>", "application/xml", 400, "application/xml"),
        (b"\xff\xfe", "text/csv", 400, "not UTF-8"),
        (b"1,red\n" * 1_100_000, "text/csv", 413, "larger than"),
    ],
)
def test_what_is_refused_is_named(
    served: Served, body: str | bytes, kind: str, status: int, words: str
) -> None:
    answer = served.ask(body, kind)
    assert (answer.status_code, answer.headers["content-type"][:10]) == (status, "text/plain")
    assert words in answer.text


def test_what_was_missing_in_training_is_missing_in_a_request(served: Served) -> None:
    assert served.ask("?,NA").text == served.ask(",").text
    refused = served.ask("none,red")
    assert refused.status_code == 400 and "'none' is not a number" in refused.text


def test_a_request_under_way_is_answered_before_it_stops(artifact: Path, served: Served) -> None:
    """Last, for it ends the server."""
    address = ("127.0.0.1", int(served.url.rsplit(":", 1)[1]))
    with socket.create_connection(address, 10) as slow:
        head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 7\r\n\r\n"
        slow.sendall(head.encode() + b"1.5")
        assert requests.get(f"{served.url}/ping", timeout=60).ok
        served.process.send_signal(signal.SIGTERM)
        slow.sendall(b",red")
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")
    served.process.wait(60)


def test_a_model_without_its_code_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PROGRAMS / "serve")],
        env={**os.environ, "SM_MODEL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no code/serving/inference.py" in done.stderr
    assert "Traceback" not in done.stderr
