from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isthmus.errors import BadInput
from isthmus.monitor.baseline import read_baseline, write_baseline


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "price": np.where(rng.random(200) < 0.1, np.nan, rng.lognormal(size=200)),
            "rooms": rng.integers(1, 6, 200),
            "sold": rng.random(200) < 0.5,
            "city": rng.choice(["Bern", "Genève", "Zürich"], 200),
            "label": rng.integers(0, 2, 200),
        }
    )


def test_the_files_survive_a_round_trip_and_are_plain_json(tmp_path: Path) -> None:
    features = ["price", "rooms", "sold", "city"]
    written = write_baseline(frame(), tmp_path, features=features, target="label")
    found, missing = read_baseline(tmp_path / "baseline.json")
    assert {name: one.record() for name, one in found.items()} == {
        name: one.record() for name, one in written.items()
    }
    assert missing == [] and (tmp_path / "baseline.json").stat().st_size < 8000
    for name in ("baseline", "statistics", "constraints"):
        json.loads((tmp_path / f"{name}.json").read_text(), parse_constant=pytest.fail)


def test_statistics_are_in_model_monitors_format(tmp_path: Path) -> None:
    rows = frame()
    write_baseline(rows, tmp_path, features=["price", "city"], target="label")
    found = json.loads((tmp_path / "statistics.json").read_text())
    assert found["dataset"] == {"item_count": 200}
    city, price = found["features"]
    numbers = price["numerical_statistics"]
    assert price["inferred_type"] == "Fractional"
    assert numbers["common"] == {
        "num_present": int(rows["price"].count()),
        "num_missing": int(rows["price"].isna().sum()),
    }
    for name, value in (
        ("mean", rows["price"].mean()),
        ("sum", rows["price"].sum()),
        ("std_dev", rows["price"].std(ddof=0)),
        ("min", rows["price"].min()),
        ("max", rows["price"].max()),
    ):
        assert numbers[name] == pytest.approx(value)
    buckets = numbers["distribution"]["kll"]["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == rows["price"].count()
    assert (buckets[0]["lower_bound"], buckets[-1]["upper_bound"]) == (numbers["min"], numbers["max"])
    assert city["inferred_type"] == "String"
    categories = city["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert {one["value"]: one["count"] for one in categories} == rows["city"].value_counts().to_dict()


def test_constraints_are_in_model_monitors_format(tmp_path: Path) -> None:
    rows = frame()
    write_baseline(rows, tmp_path, features=["price", "rooms", "city"], target="label")
    found = json.loads((tmp_path / "constraints.json").read_text())
    city, price, rooms = found["features"]
    assert price["completeness"] == pytest.approx(rows["price"].notna().mean())
    assert price["num_constraints"] == {"is_non_negative": True}
    assert (rooms["inferred_type"], rooms["completeness"]) == ("Integral", 1.0)
    assert city["string_constraints"] == {"domains": ["Bern", "Genève", "Zürich"]}
    assert found["monitoring_config"]["evaluate_constraints"] == "Enabled"


def test_a_text_with_too_many_categories_is_not_constrained_to_some(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": [f"id-{number}" for number in range(60)]})
    write_baseline(rows, tmp_path, features=["id"], target="label")
    found = json.loads((tmp_path / "constraints.json").read_text())
    assert "string_constraints" not in found["features"][0]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'age'"):
        write_baseline(frame(), tmp_path, features=["age"], target="label")
    with pytest.raises(BadInput, match="no rows"):
        write_baseline(frame()[:0], tmp_path, features=["price"], target="label")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2, "features": {"a": {"kind": "number"}}}'])
def test_what_is_no_baseline_is_said_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content)
    with pytest.raises(BadInput, match="not a baseline"):
        read_baseline(file)
    with pytest.raises(BadInput, match="no baseline"):
        read_baseline(tmp_path / "another.json")


def test_a_baseline_of_an_older_version_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text('{"version": 1, "features": {}}')
    with pytest.raises(BadInput, match="version 1") as refused:
        read_baseline(tmp_path / "baseline.json")
    assert "build again" in (refused.value.todo or "")
