from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.errors import BadInput
from isthmus.monitor.baseline import count, describe, read_baseline, write_baseline

cells = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1)
words = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ü", "", "x" * 40])), min_size=1)


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


@given(cells, cells)
def test_counts_add_so_shards_are_the_same_as_the_whole(one: list[float], other: list[float]) -> None:
    whole = pl.Series("x", one + other, dtype=pl.Float64)
    bins = describe(whole)
    parts = [count(pl.Series("x", part, dtype=pl.Float64), bins) for part in (one, other)]
    assert parts[0] + parts[1] == bins
    assert bins.n == len(whole)


@given(words, words)
@settings(max_examples=50)
def test_counts_of_texts_add_too(one: list[str], other: list[str]) -> None:
    bins = describe(pl.Series("x", one + other, dtype=pl.String))
    parts = [count(pl.Series("x", part, dtype=pl.String), bins) for part in (one, other)]
    assert parts[0] + parts[1] == bins


def test_only_histograms_over_the_same_bins_add() -> None:
    with pytest.raises(ValueError, match="same bins"):
        describe(pl.Series([1.0, 2.0])) + describe(pl.Series([3.0]))


def test_deciles_hold_a_tenth_each() -> None:
    histogram = describe(pl.Series(np.random.default_rng(0).normal(size=10_000)))
    assert len(histogram.counts) == 10
    assert all(abs(rows - 1000) <= 1 for rows in histogram.counts)


def test_of_few_values_each_has_a_bin_and_so_has_what_is_below_and_above() -> None:
    histogram = describe(pl.Series([0, 1, 1]))
    assert histogram.counts == [0, 1, 2, 0]
    assert count(pl.Series([-5, 0, 1, 7]), histogram).counts == [1, 1, 1, 1]


def test_a_constant_that_changes_is_seen() -> None:
    histogram = describe(pl.Series([5.0] * 10))
    assert count(pl.Series([3.0] * 4), histogram).counts == [4, 0, 0]


def test_a_text_keeps_its_commonest_categories_and_counts_the_others() -> None:
    values = [f"c{number:02}" for number in range(60) for _ in range(1 + (number < 50))]
    histogram = describe(pl.Series(values))
    assert histogram.domain == [f"c{number:02}" for number in range(50)]
    assert histogram.counts == [2] * 50 + [10]


def test_ties_are_broken_the_same_way_every_time() -> None:
    values = [f"c{number}" for number in range(80)]
    assert describe(pl.Series(values)) == describe(pl.Series(values[::-1]))


def test_what_is_no_number_counts_as_missing() -> None:
    histogram = count(pl.Series(["1", "none", None]), describe(pl.Series([1.0, 2.0])))
    assert (histogram.missing, histogram.n) == (2, 3)
    assert count(pl.Series([float("inf"), float("nan")]), histogram).missing == 2


def test_the_files_survive_a_round_trip_and_are_plain_json(tmp_path: Path) -> None:
    features = ["price", "rooms", "sold", "city"]
    written = write_baseline(frame(), tmp_path, features=features, target="label")
    assert read_baseline(tmp_path / "baseline.json") == (written, [])
    assert (tmp_path / "baseline.json").stat().st_size < 4000
    for name in ("baseline", "statistics", "constraints"):
        json.loads((tmp_path / f"{name}.json").read_text(), parse_constant=pytest.fail)


def test_statistics_are_in_model_monitors_format(tmp_path: Path) -> None:
    rows = frame()
    write_baseline(rows, tmp_path, features=["price", "city"], target="label")
    found = json.loads((tmp_path / "statistics.json").read_text())
    assert found["dataset"] == {"item_count": 200}
    price, city = found["features"]
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
    price, rooms, city = found["features"]
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


@pytest.mark.parametrize("content", ["{", "[]", '{"features": {"a": {"kind": "number"}}}'])
def test_what_is_no_baseline_is_said_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content)
    with pytest.raises(BadInput, match="not a baseline"):
        read_baseline(file)
    with pytest.raises(BadInput, match="no baseline"):
        read_baseline(tmp_path / "another.json")
