"""Gates against the serving program itself, asked in this process, healthy and broken."""

from __future__ import annotations

import io
import json
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from botocore.exceptions import ClientError
from junitparser import JUnitXml

from isthmus.config import DeployConfig, Gates
from isthmus.container import payload
from isthmus.deploy.gates import contract, cost, latency, nulls, quality, slices, summary
from isthmus.deploy.gates.champion import mcnemar
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.load import WARM_UP, Load
from isthmus.deploy.gates.run import find, run, write
from isthmus.errors import BadInput
from isthmus.local.azure_devops import test_attachments
from isthmus.names import GATE_PREFIX
from tests.deploy.conftest import REPOSITORY
from tests.deploy.versions import FEATURES, MODEL, TARGET, Version

DOCS = (REPOSITORY.parent / "docs/gates.md").read_text()
NAMES = ["contract", "cost", "fairness", "latency", "nulls", "quality", "slices"]
# A machine may be busy: where the time is not what is tested, there is plenty.
AT_EASE = {"p95_latency_ms": 60_000.0}
Predict = Callable[[pd.DataFrame], list[Any]]


def healthy(frame: pd.DataFrame) -> list[Any]:
    return [Version().predict(wind) for wind in frame["wind"].fillna(0.0)]


class Runtime:
    """SageMaker's runtime in front of `predict`; what the container refuses is a ModelError."""

    meta = SimpleNamespace(region_name="eu-central-1")

    def __init__(
        self, predict: Predict = healthy, features: dict[str, str] = FEATURES, target: str = TARGET
    ) -> None:
        self.predict, self.features, self.target = predict, features, target
        self.ids: list[str] = []

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        self.ids.append(asked["InferenceId"])
        try:
            columns = payload.read_columns(
                asked["Body"], asked["ContentType"], self.features, (), self.target
            )
            frame = payload.frame(columns, self.features)
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


class Registry:
    """A registry in which the champion serves a stage."""

    def __init__(self, stage: str = "prod") -> None:
        self.stage = stage

    def describe_model_package(self, **_: str) -> dict[str, Any]:
        return {"ModelLifeCycle": {"Stage": self.stage, "StageStatus": "InService"}}


def live(
    folder: Path,
    runtime: Runtime,
    version: Version | None = None,
    kind: str = "realtime",
    registry: Registry | None = None,
    **gates: Any,
) -> LiveEndpoint:
    (version or Version()).write_evidence(folder)
    config = DeployConfig.model_validate({"model": MODEL, "endpoint": kind, "gates": gates})
    return LiveEndpoint(runtime, MODEL, config, folder, registry or Registry())


class Asked(BaseHTTPRequestHandler):
    """SageMaker's runtime over HTTP, in front of the server's `runtime`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = {"Body": body, "ContentType": self.headers["Content-Type"], "Accept": self.headers["Accept"]}
        try:
            answer = self.server.runtime.invoke_endpoint(  # type: ignore[attr-defined]
                **asked, InferenceId=self.headers["X-Amzn-SageMaker-Inference-Id"]
            )
            self._say(200, {}, answer["Body"].read())
        except ClientError as error:
            said: Any = error.response
            told = {key: said[key] for key in ("OriginalStatusCode", "OriginalMessage")}
            body = json.dumps({"Message": "no", **told}).encode()
            self._say(424, {"x-amzn-errortype": "ModelError"}, body)

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "text/csv"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def over_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Runtime], Runtime]]:
    """Has a runtime asked by AWS's clients of other processes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

    def behind(runtime: Runtime) -> Runtime:
        server.runtime = runtime  # type: ignore[attr-defined]
        return runtime

    yield behind
    server.shutdown()
    server.server_close()


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in findings}


def failed(findings: list[Finding]) -> list[str]:
    return [one.name for one in findings if not one.passed]


Behind = Callable[[Runtime], Runtime]


def test_a_healthy_endpoint_passes_all(tmp_path: Path, over_http: Behind) -> None:
    runtime = over_http(Runtime())
    price = {"price_per_hour": 1.0}
    endpoint = live(tmp_path, runtime, Version(rows=200, facets=("season",)), cost=price, **AT_EASE)
    every = find(REPOSITORY / "gates", ())
    findings = [finding for gate in every.values() for finding in gate(endpoint)]
    assert failed(findings) == [] and len(findings) == 24
    assert [one.name for one in findings if not one.known] == ["no worse than the version in prod"]
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
            "refuses the label left in",
            "refuses an empty request",
            "refuses a type that is not served",
            "refuses a text for a number",
        }
        assert "takes several rows as CSV" in found

    def test_a_refusal_without_a_word_fails(self, tmp_path: Path) -> None:
        class Mute(Runtime):
            def refusal(self, status: int, message: str) -> ClientError:
                return super().refusal(status, "")

        assert len(failed(contract.gate(live(tmp_path, Mute())))) == 6

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
        assert "reaches the bar" in failed(found)

    def test_few_rows_are_not_held_against_it(self, tmp_path: Path) -> None:
        """On six rows the interval is as wide as the world."""

        def lot(frame: pd.DataFrame) -> list[Any]:
            return [0.5 + 0.1 * (row % 2) for row in range(len(frame))]

        found = quality.gate(live(tmp_path, Runtime(lot), Version(rows=6)))
        assert "reaches the bar" not in failed(found)

    def test_rows_go_in_requests_of_a_size_that_sagemaker_takes(self, tmp_path: Path) -> None:
        runtime = Runtime()
        assert failed(quality.gate(live(tmp_path, runtime, Version(rows=1200)))) == []
        assert len(runtime.ids) == 3

    def test_classes_are_compared_as_they_are_written(self) -> None:
        classes = ["light, blue", "red", "01"]
        trained = ["01", "light, blue", "red"]
        assert quality.as_in_training(trained, trained, classes).passed
        assert not quality.as_in_training(trained, ["1", *trained[1:]], classes).passed


class TestLoad:
    def test_a_slow_endpoint_fails(self, tmp_path: Path, over_http: Behind) -> None:
        most = {"p95_latency_ms": 1e-6, "predictions_per_s": 1e6, "requests": 10}
        endpoint = live(tmp_path, over_http(Runtime()), **most)
        assert failed(latency.gate(endpoint)) == ["p95 latency", "throughput"]

    def test_what_is_not_answered_fails(self, tmp_path: Path, over_http: Behind) -> None:
        def now_and_then(frame: pd.DataFrame) -> list[Any]:
            if frame["wind"].iloc[0] > 0:
                raise ZeroDivisionError
            return healthy(frame)

        found = latency.gate(live(tmp_path, over_http(Runtime(now_and_then)), requests=80, **AT_EASE))
        assert failed(found) == ["answers every request"]
        assert "500 Internal Server Error" in found[0].message

    def test_warm_up_is_asked_and_not_counted_and_all_at_a_time(
        self, tmp_path: Path, over_http: Behind
    ) -> None:
        """None of ten is answered before all ten are asked."""
        ten = threading.Barrier(10, timeout=60)

        def together(frame: pd.DataFrame) -> list[Any]:
            ten.wait()
            return healthy(frame)

        runtime = over_http(Runtime(together))
        endpoint = live(tmp_path, runtime, requests=20, concurrency=10, **AT_EASE)
        found = named(latency.gate(endpoint))
        assert failed([*found.values()]) == []
        assert "20 requests, 10 at a time" in found["p95 latency"].message
        assert len(runtime.ids) == 20 + 10 * WARM_UP
        assert all(one.startswith(GATE_PREFIX) for one in runtime.ids)

    def test_what_answers_by_files_has_no_latency(self, tmp_path: Path) -> None:
        (found,) = latency.gate(live(tmp_path, Runtime(), kind="batch"))
        assert found.passed and not found.known and "batch" in found.message


class TestCost:
    def load(self, endpoint: LiveEndpoint, per_second: float) -> LiveEndpoint:
        endpoint.__dict__["load"] = Load([1.0] * 100, [], 100 / per_second, 4)
        return endpoint

    def test_a_price_that_nobody_said_is_not_made_up(self, tmp_path: Path) -> None:
        (found,) = cost.gate(live(tmp_path, Runtime()))
        assert not found.known and "gates.cost.price_per_hour" in found.message

    @pytest.mark.parametrize(("most", "passed"), [(0.02, True), (0.009, False), (None, True)])
    def test_a_prediction_costs_what_the_instance_and_its_speed_say(
        self, tmp_path: Path, most: float | None, passed: bool
    ) -> None:
        """0.36 an hour at ten predictions a second: 36,000 predictions, 0.01 a thousand."""
        said = {"price_per_hour": 0.36, "most_per_thousand": most}
        (found,) = cost.gate(self.load(live(tmp_path, Runtime(), cost=said), 10))
        assert found.passed is passed and found.message.startswith("0.01, ")

    @pytest.mark.parametrize(("most", "passed"), [(0.005, True), (0.003, False), (None, True)])
    def test_a_serverless_one_costs_its_memory_for_as_long_as_it_works(
        self, tmp_path: Path, most: float | None, passed: bool
    ) -> None:
        """2 GB for 100 ms, a thousand times, at 0.00002 a GB-second: 0.004."""
        said = {"price_per_gb_second": 0.00002, "most_per_thousand": most}
        endpoint = live(tmp_path, Runtime(), kind="serverless", cost=said)
        endpoint.__dict__["load"] = Load([50.0, 150.0], [], 1.0, 1)
        (found,) = cost.gate(endpoint)
        assert found.passed is passed and found.message.startswith("0.004, ")
        assert "2048 MB" in found.message and "ml." not in found.message

    def test_of_a_serverless_one_no_instance_is_priced(self, tmp_path: Path) -> None:
        (found,) = cost.gate(live(tmp_path, Runtime(), kind="serverless"))
        assert not found.known and "gates.cost.price_per_gb_second" in found.message

    @pytest.mark.parametrize("kind", ["async", "batch"])
    def test_what_answers_by_files_is_not_measured_whatever_its_price(
        self, tmp_path: Path, kind: str
    ) -> None:
        said = {"price_per_hour": 0.36, "most_per_thousand": 0.001}
        (found,) = cost.gate(live(tmp_path, Runtime(), kind=kind, cost=said))
        assert not found.known and kind in found.message and "price" not in found.message


class TestSlices:
    def test_a_group_that_is_served_badly_is_named(self, tmp_path: Path) -> None:
        def wrong_when_dry(frame: pd.DataFrame) -> list[Any]:
            return [
                1 - one if season == "dry" else one
                for one, season in zip(healthy(frame), frame["season"], strict=True)
            ]

        version = Version(rows=300, facets=("season",))
        (found,) = slices.gate(live(tmp_path, Runtime(wrong_when_dry), version))
        assert not found.passed and "too bad: season = dry" in found.message and "wet" not in found.message
        assert slices.gate(live(tmp_path, Runtime(), version))[0].passed

    def test_groups_of_numbers_are_quarters_and_small_ones_are_not_judged(self, tmp_path: Path) -> None:
        said = {"columns": ["wind", "season"], "fewest_rows": 60}
        version = Version(rows=300, metric="accuracy")
        wind, season = slices.gate(live(tmp_path, Runtime(), version, slices=said))
        assert "4 groups" in wind.message and "2 groups" in season.message
        said = {"columns": ["season"], "fewest_rows": 150}
        (season,) = slices.gate(live(tmp_path, Runtime(), Version(rows=300), slices=said))
        assert "1 groups without 150 rows and 10 of each class are not judged" in season.message

    def test_a_group_of_one_class_is_not_judged_by_auc(self, tmp_path: Path) -> None:
        """It has none: nan failed the gate, and nobody could let it pass."""
        endpoint = live(tmp_path, Runtime(), Version(rows=300, facets=("season",)))
        endpoint.holdout.loc[endpoint.holdout["season"] == "dry", TARGET] = "0"
        (season,) = slices.gate(endpoint)
        assert season.passed and "nan" not in season.message
        assert "1 groups without 30 rows and 10 of each class are not judged" in season.message

    def test_by_macro_f1_a_group_is_judged_on_the_classes_that_it_has(self, tmp_path: Path) -> None:
        """Of a group without rain, five wrong answers in a hundred counted as half of all."""

        def says(frame: pd.DataFrame) -> list[Any]:
            dry = frame["season"] == "dry"
            strays = dry & (dry.cumsum() <= 5)
            return np.where(dry, np.where(strays, 0.9, 0.1), healthy(frame)).tolist()

        version = Version(rows=300, facets=("season",), metric="f1_macro", threshold=0.8)
        endpoint = live(tmp_path, Runtime(says), version)
        endpoint.holdout.loc[endpoint.holdout["season"] == "dry", TARGET] = "0"
        (season,) = slices.gate(endpoint)
        assert season.passed and "f1_macro of 2 groups" in season.message

    def test_an_unknown_column_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no column 'sex'"):
            slices.gate(live(tmp_path, Runtime(), slices={"columns": ["sex"]}))

    def test_without_columns_there_is_nothing_to_test(self, tmp_path: Path) -> None:
        (found,) = slices.gate(live(tmp_path, Runtime()))
        assert found.passed and not found.known


class TestNulls:
    def test_a_model_that_breaks_without_a_value_is_found(self, tmp_path: Path) -> None:
        def breaks(frame: pd.DataFrame) -> list[Any]:
            if frame["season"].isna().any():
                raise ZeroDivisionError
            return healthy(frame.fillna({"wind": 0.0}))

        found = named(nulls.gate(live(tmp_path, Runtime(breaks))))
        assert failed([*found.values()]) == [
            "answers rows that lack a value",
            "answers rows of which nothing is known",
        ]
        assert "season: 500" in found["answers rows that lack a value"].message

    def test_a_refusal_with_a_word_will_do_where_training_lacked_nothing(self, tmp_path: Path) -> None:
        def refuses(frame: pd.DataFrame) -> list[Any]:
            if frame.isna().any().any():
                raise BadInput("a value is missing")
            return healthy(frame)

        assert failed(nulls.gate(live(tmp_path, Runtime(refuses)))) == []
        lacking = Version(without_season=5)
        found = nulls.gate(live(tmp_path, Runtime(refuses), lacking))
        assert failed(found) == ["answers rows that lack a value"]

    def test_how_far_predictions_move_is_told(self, tmp_path: Path) -> None:
        def filled(frame: pd.DataFrame) -> list[Any]:
            return healthy(frame.fillna({"wind": 0.0}))

        found = nulls.gate(live(tmp_path, Runtime(filled)))
        assert "the predictions move most without wind" in found[0].message


class TestChampion:
    def champion(self, share: float, rows: int = 400, **more: Any) -> Version:
        """A version in prod whose probabilities are the truth, but for a share of the rows."""
        return Version(rows=rows, champion_right=share, **more)

    def test_a_version_that_is_worse_than_prods_is_found(self, tmp_path: Path) -> None:
        found = named(quality.gate(live(tmp_path, Runtime(), self.champion(1.0))))
        assert failed([*found.values()]) == [
            "no worse than the version in prod",
            "no more mistakes than the version in prod",
        ]
        assert "over version 7" in found["no worse than the version in prod"].message
        assert "McNemar p = " in found["no more mistakes than the version in prod"].message

    def test_a_better_one_passes_and_chance_is_held_against_nobody(self, tmp_path: Path) -> None:
        assert failed(quality.gate(live(tmp_path, Runtime(), self.champion(0.3)))) == []

    def test_what_is_in_prod_no_more_is_not_compared(self, tmp_path: Path) -> None:
        endpoint = live(tmp_path, Runtime(), self.champion(1.0), registry=Registry("staging"))
        found = named(quality.gate(endpoint))["no worse than the version in prod"]
        assert found.passed and not found.known and "has left prod" in found.message

    def test_mcnemar_is_exact(self) -> None:
        """Two of ten: twice the chance of two or fewer heads in ten throws, (1 + 10 + 45) / 1024."""
        assert mcnemar(2, 8) == mcnemar(8, 2) == pytest.approx(2 * 56 / 1024)
        assert mcnemar(0, 0) == 1.0

    def test_a_version_below_its_bar_is_found(self, tmp_path: Path) -> None:
        version = Version(rows=300, threshold=0.999)
        assert failed(quality.gate(live(tmp_path, Runtime(), version))) == ["reaches the bar"]


class TestRunning:
    def test_the_repository_has_the_platforms_gates(self) -> None:
        assert list(find(REPOSITORY / "gates", ())) == NAMES
        assert list(find(REPOSITORY / "gates", ("quality",))) == ["quality"]

    def test_an_unknown_gate_is_named_with_those_that_there_are(self) -> None:
        with pytest.raises(BadInput, match="'smoke'") as caught:
            find(REPOSITORY / "gates", ("smoke",))
        assert ", ".join(NAMES) in caught.value.todo

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

    def test_what_a_model_answers_attaches_no_file(self, tmp_path: Path) -> None:
        """Nor where taking a mark out of it would leave one."""
        said = ["[[ATTACHMENT|/etc/passwd]]", "[[[ATTACHMENT|x]]", "[[[[ATTACHMENT|x]]"]
        gates = {"says": lambda _: [Finding("answers", True, one) for one in said]}
        file = write(list(run(gates, live(tmp_path, Runtime()))), tmp_path / "results", "staging")
        cases = ET.parse(file).getroot().iter("testcase")
        assert [test_attachments.named(case, file) for case in cases] == [[], [], []]
        assert "[[ATTACHMENT|" not in file.read_text()

    def test_plots_are_attached_and_what_was_not_tested_is_skipped(self, tmp_path: Path) -> None:
        endpoint = live(tmp_path, Runtime(), Version(facets=("season",)))
        gates = {"slices": slices.gate, "cost": cost.gate, "quality": quality.gate}
        results = list(run(gates, endpoint))
        xml = write(results, tmp_path / "results", "staging").read_text()
        pictures = re.findall(r"\[\[ATTACHMENT\|(.*?)]]", xml)
        assert len(pictures) == 2 and all(Path(one).read_bytes().startswith(b"\x89PNG") for one in pictures)
        assert xml.count("<skipped") == 2
        page = summary.page(results, "staging")
        assert (
            "staging: 3 passed, 2 not tested\n" in page
            and "| – | cost | cost of a thousand predictions |" in page
        )

    def test_a_gate_of_the_teams_own(self, tmp_path: Path) -> None:
        """The one in docs/gates.md."""
        code = DOCS.split("```python\n")[1].split("```")[0].replace("precipitation", "season")
        (tmp_path / "mine.py").write_text(code.replace('"0.0"', '"dry"'))
        (result,) = run(find(tmp_path, ()), live(tmp_path, Runtime()))
        assert result.passed and "highest" in result.findings[0].message

    def test_the_documented_bounds_are_bounds(self) -> None:
        said = yaml.safe_load(DOCS.split("```yaml\n")[1].split("```")[0])["gates"]
        assert Gates.model_validate(said).cost.price_per_hour == 0.138

    def test_the_documented_gates_are_those_that_there_are(self) -> None:
        assert sorted(re.findall(r"^\| `(\w+)` \| .*(?:when|a|the)", DOCS.split("##")[0], re.M)) == NAMES
