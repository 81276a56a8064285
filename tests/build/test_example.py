"""What model-build/README.md says of the example is so: for every July of the record, and for 20 seeds."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from isthmus.monitor.baseline import count, describe
from isthmus.monitor.drift import Rule, drifts
from tests.build.example import CONFIG, MODEL_BUILD, Story, half_years, tell, with_features

SEEDS = range(20)
WEATHER = ("precipitation", "temp_max", "temp_min", "wind")


@pytest.fixture(scope="module")
def demo() -> Story:
    return tell(*(pd.read_csv(MODEL_BUILD / "data" / name) for name in ("weather.csv", "later.csv")))


@pytest.fixture(scope="module", params=[2012, 2013, 2014])
def july(request: pytest.FixtureRequest) -> Story:
    return tell(*half_years(request.param, 7))


def test_the_committed_files_are_the_record(demo: Story) -> None:
    recorded = tell(*half_years(2012, 7))
    assert demo.first() == recorded.first()
    assert demo.gain() == recorded.gain()


def test_the_first_version_passes_its_bar(july: Story) -> None:
    assert july.first().value < CONFIG.evaluation.threshold


def test_it_then_loses_quality_beyond_chance(july: Story) -> None:
    assert july.loss() > 1
    assert min(july.loss(seed) for seed in SEEDS) > 0.95


def test_the_second_version_passes_and_beats_the_first(july: Story) -> None:
    assert july.second().value < CONFIG.evaluation.threshold
    assert min(july.gain(seed).ci_low for seed in SEEDS) > 0.1


def test_the_readme_has_the_figures(demo: Story) -> None:
    text = (MODEL_BUILD / "README.md").read_text()
    for found in (demo.first(), demo.later(), demo.second(), demo.gain()):
        assert f"{found.value:.3f} [{found.ci_low:.3f}, {found.ci_high:.3f}]" in text


@pytest.mark.parametrize(("year", "month"), [(2012, 1), (2012, 7), (2013, 7), (2014, 7)])
def test_without_the_calendar_nothing_is_lost(year: int, month: int) -> None:
    plain = tell(*half_years(year, month), with_features(CONFIG, *WEATHER))
    assert plain.loss() < 1
    assert plain.gain().ci_low < 0


def test_inputs_drift_beyond_chance() -> None:
    before, after = (pl.read_csv(MODEL_BUILD / "data" / name) for name in ("weather.csv", "later.csv"))
    baseline = {name: describe(before[name]) for name in CONFIG.features}
    current = {name: count(after[name], baseline[name]) for name in CONFIG.features}
    found = drifts(baseline, current, Rule())
    assert [one.feature for one in found if one.ratio > 1] == ["day_of_year", "temp_min", "temp_max"]
