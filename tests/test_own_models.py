"""One's own model is one folder away: other data, steps and model.yaml, and nothing else changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from isthmus.config import ModelConfig, read_model
from isthmus.local import traffic
from isthmus.monitor.findings import parse, summary
from isthmus.operate.show import metric
from tests import own_models
from tests.container.jobs import Repository, Version
from tests.container.serving import Served, serving
from tests.monitor import captured
from tests.monitor.job import cloudwatch
from tests.monitor.job import run as monitor
from tests.test_lifecycle import cache, clean

__all__ = ["cloudwatch"]


@dataclass(frozen=True)
class Own:
    """A folder in place of the example's, and what comes later to its model."""

    folder: Path
    config: ModelConfig
    first: pd.DataFrame
    later: traffic.Later


def own(folder: Path) -> Own:
    config = read_model(folder / "model.yaml")
    content, later = traffic.split(folder, config)
    file = folder.parent / "first.csv"
    file.write_bytes(content)
    return Own(folder, config, pd.read_csv(file, dtype=str, keep_default_na=False), later)


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Own:
    return own(own_models.houses(tmp_path_factory.mktemp("houses") / "model-build"))


def isthmus(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "isthmus", *words)


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = clean() | {"ISTHMUS_CACHE": str(cache())}
    argv = [sys.executable, *words]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)


# ---------------------------------------------------------------- what a pull request runs


def test_a_regressions_pull_request_passes(houses: Own) -> None:
    for words in (["-m", "ruff", "check", "."], ["-m", "pytest", "-q", "-p", "no:cacheprovider"]):
        done = python(houses.folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    done = isthmus(houses.folder, "build", "sample")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("on a sample: MAE ")
    assert done.stdout.endswith(" ≤ 60.00\n")


def test_a_sample_below_the_bar_says_so_and_passes(tmp_path: Path) -> None:
    folder = own_models.coins(tmp_path / "model-build", "pass")
    done = isthmus(folder, "build", "sample")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("on a sample: not registered: AUC 0.")
    assert done.stdout.endswith(" < 0.90\n")


# ---------------------------------------------------------------- trained, served, watched


@pytest.fixture(scope="module")
def first(houses: Own, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, Version]:
    content = own_models.HOUSES
    repository = Repository(tmp_path_factory.mktemp("jobs"), content, houses.folder)
    return repository, repository.version(houses.first)


@pytest.fixture(scope="module")
def endpoint(first: tuple[Repository, Version]) -> Iterator[Served]:
    with serving(first[1].model) as served:
        yield served


def test_a_regression_is_judged_by_its_own_metric(first: tuple[Repository, Version], houses: Own) -> None:
    found = first[1].verdict
    assert (found["metric"], found["higher_is_better"], found["classes"]) == ("mae", False, [])
    assert found["ci_low"] < found["value"] < found["ci_high"]
    assert found["value"] < found["threshold"] == 60 and found["meets_threshold"]
    assert metric(found).startswith("mae ")


def test_a_later_version_must_only_be_no_worse(first: tuple[Repository, Version], houses: Own) -> None:
    """As its model.yaml says; a gain is better over zero, though a lower error is better."""
    repository, version = first
    more = pd.concat([houses.first, pd.DataFrame(houses.later.rows)], ignore_index=True)
    found = repository.version(more, champion=version).verdict
    assert found["beats_champion"] and found["gain"]["ci_high"] >= 0
    lower = found["champion"]["value"] - found["value"]
    assert found["gain"]["value"] == pytest.approx(lower)


def test_each_row_has_a_prediction_in_the_targets_unit(endpoint: Served, houses: Own) -> None:
    answered = ask(endpoint, houses)
    prices = [float(row["price"]) for row in houses.later.rows]
    assert all(min(prices) - 50 < value < max(prices) + 50 for value in answered)
    missing = [i for i, row in enumerate(houses.later.rows) if "" in row.values() or "NA" in row.values()]
    assert missing, "the test is of rows with cells missing"


def ask(endpoint: Served, own: Own) -> list[float]:
    header = ",".join(own.config.features)
    body = "\n".join([header, *(traffic.line(own.config, row) for row in own.later.rows)])
    answer = endpoint.ask(body.encode())
    assert answer.status_code == 200, answer.text
    return [float(line) for line in answer.text.splitlines()]


def test_the_monitor_understands_it(
    endpoint: Served, first: tuple[Repository, Version], houses: Own, tmp_path: Path, cloudwatch: Any
) -> None:
    inputs = tmp_path / "processing" / "input"
    header = ",".join(houses.config.features)
    rows = list(zip(houses.later.rows, ask(endpoint, houses), strict=True))
    captured.write(
        inputs / "captures",
        [
            captured.line(f"{header}\n{traffic.line(houses.config, row)}\n", f"{answer}\n", f"row-{number}")
            for number, (row, answer) in enumerate(rows)
        ],
    )
    labels = [captured.label(f"row-{number}", row["price"]) for number, (row, _) in enumerate(rows)]
    captured.write(inputs / "labels", labels)
    (inputs / "baseline").symlink_to(first[1].baseline)
    (inputs / "evaluation").symlink_to(first[1].evaluation)
    said = monitor(tmp_path, cloudwatch[0])
    found = parse((tmp_path / "processing" / "output" / "report" / "findings.json").read_bytes())
    assert found.rows == len(rows) and found.bad_lines == 0
    assert {one.feature for one in found.drift} == {*houses.config.features, "prediction"}
    assert not found.drifted and not found.lost, summary(found)
    assert f"mae {found.quality.current} on {len(rows)} labels" in said  # type: ignore[union-attr]
    assert "within chance" in said


# ---------------------------------------------------------------- the whole lifecycle


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A demo of several classes in words, with cells missing, whose world changes halfway."""
    folder = tmp_path_factory.mktemp("plants")
    own_models.plants(folder / "mine")
    (folder / ".isthmus").mkdir()
    (folder / ".isthmus" / "cache").symlink_to(cache())
    done = isthmus(folder, "demo", "--model-build", "mine", "--report", "report.json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found | {"said": done.stdout}


def step(played: dict[str, Any], name: str) -> str:
    return next(str(one["result"]) for one in played["steps"] if one["name"].startswith(name))


def test_several_classes_go_all_the_way(played: dict[str, Any]) -> None:
    second, first = played["model_packages"]
    assert {first["arn"].split("/")[-2], second["arn"].split("/")[-2]} == {"plant-kind"}
    assert first["metrics"]["metric"] == second["metrics"]["metric"] == "f1_macro"
    assert 0 < second["gain"]["ci_low"] < second["gain"]["value"] <= 1
    assert {one["endpoint"] for one in played["deployments"]} == {"plant-kind"}
    assert played["end"].startswith("Prod serves version 2: gain 0.")


def test_a_prediction_is_a_class(played: dict[str, Any]) -> None:
    assert step(played, "Ask prod").partition(" → ")[2] in ("tall one", "dry one", "wet one")


def test_what_changed_is_named(played: dict[str, Any]) -> None:
    said = step(played, "Monitor prod")
    assert "201 rows captured, 0 unreadable lines" in said
    drifted = [line.split()[0] for line in said.splitlines() if line.endswith("  drift")]
    assert drifted == ["soil"]
    assert "soil" in said and "categorical_values_check" in said
    assert "a loss beyond chance" in said
    assert max(map(len, played["said"].splitlines())) <= 80
