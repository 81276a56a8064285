"""Gates against the serving program itself, asked in this process, healthy and broken."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from junitparser import JUnitXml

from isthmus.config import DeployConfig, Gates
from isthmus.container import payload
from isthmus.deploy.gates import contract, latency, quality
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.run import find, run, write
from isthmus.errors import BadInput
from isthmus.names import GATE_PREFIX
from tests.deploy.conftest import REPOSITORY
from tests.deploy.versions import FEATURES, MODEL, Version

# A machine may be busy: where the time is not what is tested, there is plenty.
AT_EASE = {"p95_latency_ms": 60_000.0}
Predict = Callable[[pd.DataFrame], list[Any]]


def healthy(frame: pd.DataFrame) -> list[Any]:
    return [Version().predict(wind) for wind in frame["wind"]]


class Runtime:
    """SageMaker's runtime in front of `predict`; what the container refuses is a ModelError."""

    def __init__(self, predict: Predict = healthy) -> None:
        self.predict = predict
        self.ids: list[str] = []

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        self.ids.append(asked["InferenceId"])
        try:
            frame = payload.read(asked["Body"], asked["ContentType"], FEATURES)
            text, kind = payload.write(self.predict(frame), asked["Accept"])
        except BadInput as problem:
            raise self.refusal(400, problem.what) from None
        except ZeroDivisionError:
            raise self.refusal(500, "Internal Server Error") from None
        return {"Body": io.BytesIO(text.encode()), "ContentType": kind}

    def refusal(self, status: int, message: str) -> ClientError:
        said = {
            "Error": {"Code": "ModelError", "Message": "Received client error"},
            "OriginalStatusCode": status,
            "OriginalMessage": message,
        }
        return ClientError(said, "InvokeEndpoint")


def live(folder: Path, runtime: Runtime, version: Version | None = None, **gates: float) -> LiveEndpoint:
    (version or Version()).write_evidence(folder)
    config = DeployConfig(model=MODEL, gates=Gates.model_validate(gates))
    return LiveEndpoint(runtime, MODEL, config, folder)


def failed(findings: list[Finding]) -> list[str]:
    return [one.name for one in findings if not one.passed]


def test_a_healthy_endpoint_passes_all(tmp_path: Path) -> None:
    runtime = Runtime()
    endpoint = live(tmp_path, runtime, **AT_EASE)
    findings = contract.gate(endpoint) + latency.gate(endpoint) + quality.gate(endpoint)
    assert failed(findings) == [] and len(findings) == 14
    assert all(one.startswith(GATE_PREFIX) for one in runtime.ids)
    assert len(set(runtime.ids)) == len(runtime.ids)


class TestContract:
    def test_a_guess_where_a_refusal_is_due_fails(self, tmp_path: Path) -> None:
        class Guesses(Runtime):
            def refusal(self, status: int, message: str) -> ClientError:
                return super().refusal(500 if "missing" in message else status, message)

        found = failed(contract.gate(live(tmp_path, Guesses())))
        assert found == ["refuses a missing column"]

    def test_an_answer_to_anything_fails(self, tmp_path: Path) -> None:
        class Anything(Runtime):
            def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
                return {"Body": io.BytesIO(b"0.5\n"), "ContentType": "text/csv"}

        found = failed(contract.gate(live(tmp_path, Anything())))
        assert {name for name in found if name.startswith("refuses")} == {
            "refuses a missing column",
            "refuses an unknown column",
            "refuses an empty request",
            "refuses a type that is not served",
            "refuses a text for a number",
        }
        assert "takes several rows as CSV" in found

    def test_a_refusal_without_a_word_fails(self, tmp_path: Path) -> None:
        class Mute(Runtime):
            def refusal(self, status: int, message: str) -> ClientError:
                return super().refusal(status, "")

        assert len(failed(contract.gate(live(tmp_path, Mute())))) == 5

    def test_a_crash_fails(self, tmp_path: Path) -> None:
        def crash(_: pd.DataFrame) -> list[Any]:
            raise ZeroDivisionError

        found = contract.gate(live(tmp_path, Runtime(crash)))
        assert "takes one row as CSV" in failed(found)
        assert "500" in found[0].message and "Internal Server Error" in found[0].message


class TestQuality:
    def test_another_artifact_than_the_trained_one_is_found(self, tmp_path: Path) -> None:
        def other(frame: pd.DataFrame) -> list[Any]:
            return [one + 1e-4 for one in healthy(frame)]

        assert failed(quality.gate(live(tmp_path, Runtime(other)))) == ["predicts as in training"]

    def test_a_worse_model_is_found(self, tmp_path: Path) -> None:
        def lot(frame: pd.DataFrame) -> list[Any]:
            return np.random.default_rng(0).random(len(frame)).tolist()

        found = quality.gate(live(tmp_path, Runtime(lot)))
        assert "as good as registered" in failed(found)

    def test_few_rows_are_not_held_against_it(self, tmp_path: Path) -> None:
        """On six rows the interval is as wide as the world."""

        def lot(frame: pd.DataFrame) -> list[Any]:
            return [0.5 + 0.1 * (row % 2) for row in range(len(frame))]

        found = quality.gate(live(tmp_path, Runtime(lot), Version(rows=6)))
        assert "as good as registered" not in failed(found)

    def test_rows_go_in_requests_of_a_size_that_sagemaker_takes(self, tmp_path: Path) -> None:
        runtime = Runtime()
        assert failed(quality.gate(live(tmp_path, runtime, Version(rows=1200)))) == []
        assert len(runtime.ids) == 3

    def test_classes_are_compared_as_they_are_written(self) -> None:
        classes = ["light, blue", "red", "01"]
        trained = ["01", "light, blue", "red"]
        assert quality.as_in_training(trained, trained, classes).passed
        assert not quality.as_in_training(trained, ["1", *trained[1:]], classes).passed


class TestLatency:
    def test_a_slow_endpoint_fails(self, tmp_path: Path) -> None:
        endpoint = live(tmp_path, Runtime(), p95_latency_ms=1e-6, requests=10)
        assert failed(latency.gate(endpoint)) == ["p95 latency"]

    def test_what_is_not_answered_fails(self, tmp_path: Path) -> None:
        def now_and_then(frame: pd.DataFrame) -> list[Any]:
            if frame["wind"].iloc[0] > 0:
                raise ZeroDivisionError
            return healthy(frame)

        found = latency.gate(live(tmp_path, Runtime(now_and_then), requests=80, **AT_EASE))
        assert failed(found) == ["answers every request"]
        assert "500 Internal Server Error" in found[0].message

    def test_warm_up_is_asked_and_not_counted(self, tmp_path: Path) -> None:
        runtime = Runtime()
        (_, p95) = latency.gate(live(tmp_path, runtime, requests=12, concurrency=3))
        assert "12 requests, 3 at a time" in p95.message
        assert len(runtime.ids) == 12 + 3 * latency.WARM_UP

    def test_requests_are_asked_at_a_time(self, tmp_path: Path) -> None:
        """None of ten is answered before all ten are asked."""
        ten = threading.Barrier(10, timeout=30)

        def together(frame: pd.DataFrame) -> list[Any]:
            ten.wait()
            return healthy(frame)

        findings = latency.gate(live(tmp_path, Runtime(together), requests=20, concurrency=10, **AT_EASE))
        assert failed(findings) == []


class TestRunning:
    def test_the_repository_has_three_gates(self) -> None:
        assert list(find(REPOSITORY / "gates", ())) == ["contract", "latency", "quality"]
        assert list(find(REPOSITORY / "gates", ("quality",))) == ["quality"]

    def test_an_unknown_gate_is_named_with_those_that_there_are(self) -> None:
        with pytest.raises(BadInput, match="'smoke'") as caught:
            find(REPOSITORY / "gates", ("smoke",))
        assert "contract, latency, quality" in caught.value.todo

    def test_no_gates_and_no_function_are_bad_input(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no gates"):
            find(tmp_path, ())
        (tmp_path / "mine.py").write_text("x = 1\n")
        with pytest.raises(BadInput, match="no function gate"):
            find(tmp_path, ())

    def test_a_gate_that_breaks_or_tests_nothing_has_failed_and_the_others_count(
        self, tmp_path: Path
    ) -> None:
        def breaks(_: LiveEndpoint) -> list[Finding]:
            raise KeyError("no such column")

        def passes(_: LiveEndpoint) -> list[Finding]:
            return [Finding("is well", True, "it is <well>")]

        gates = {"breaks": breaks, "nothing": lambda _: [], "passes": passes}
        results = list(run(gates, live(tmp_path, Runtime())))
        assert [result.passed for result in results] == [False, False, True]
        file = write(results, tmp_path / "results", "staging")
        suites = {suite.name: suite for suite in JUnitXml.fromfile(str(file))}
        assert {name: suite.failures for name, suite in suites.items()} == {
            "staging: breaks": 1,
            "staging: nothing": 1,
            "staging: passes": 0,
        }
        assert "KeyError: 'no such column'" in file.read_text()

    def test_a_gate_of_the_teams_own(self, tmp_path: Path) -> None:
        """The one in the repository's README."""
        readme = (REPOSITORY / "README.md").read_text()
        code = readme.split("```python\n")[1].split("```")[0].replace("precipitation", "season")
        (tmp_path / "mine.py").write_text(code.replace('"0.0"', '"dry"'))
        (result,) = run(find(tmp_path, ()), live(tmp_path, Runtime()))
        assert result.passed and "highest" in result.findings[0].message
