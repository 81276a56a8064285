"""Distances and tests, with scipy as the oracle: exactly over values, within the stated error over cells."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from isthmus.monitor import distances, numbers
from isthmus.monitor.distances import (
    FINITE,
    adjust,
    chance_of,
    chance_of_moving,
    kolmogorov_smirnov,
    pearson,
    wasserstein,
)
from isthmus.monitor.drift import measure
from isthmus.monitor.numbers import Numbers, around, read
from isthmus.monitor.sides import Side, side_by_side

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.integers(-5, 5).map(float)), min_size=1, max_size=60)
counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=30)
Draw = Callable[[np.random.Generator, int], np.ndarray]


def counted(one: np.ndarray, like: Numbers) -> Numbers:
    found = like.empty()
    found.add(pl.Series(one))
    return found


def side(one: np.ndarray, other: np.ndarray) -> Side:
    like = around(pl.Series(one))
    return side_by_side(counted(one, like), counted(other, like))


def both(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs)
    return table[:, 0], table[:, 1]


@given(values, values)
def test_over_values_the_distances_are_scipys(one: list[float], other: list[float]) -> None:
    before, now = np.array(one), np.array(other)
    found = side(before, now)
    oracle = stats.ks_2samp(before, now, method="asymp").statistic
    assert kolmogorov_smirnov(found) == (pytest.approx(oracle, abs=1e-9), 0.0)
    oracle = stats.wasserstein_distance(before, now)
    assert wasserstein(found) == (pytest.approx(oracle, rel=1e-9, abs=1e-9), 0.0)


@given(counts)
def test_over_bins_the_distances_are_scipys(pairs: list[tuple[int, int]]) -> None:
    before, now = both(pairs)
    if not before.sum() or not now.sum():
        assert distances.jensen_shannon(before, now) == 0.0
        return
    # Of the divergence, whose root is at 0 as steep as can be.
    divergence = distances.jensen_shannon(before, now) ** 2
    assert divergence == pytest.approx(jensenshannon(before, now) ** 2, abs=1e-12)
    held = before + now > 0
    if held.sum() > 1:
        oracle = stats.chi2_contingency([before[held], now[held]], correction=False)
        assert distances.chi_squared(before, now) == pytest.approx(oracle[:2], rel=1e-9, abs=1e-12)


@given(counts)
def test_the_index_is_the_symmetric_kullback_leibler_divergence(pairs: list[tuple[int, int]]) -> None:
    before, now = (side + 1 for side in both(pairs))
    oracle = stats.entropy(now, before) + stats.entropy(before, now)
    assert distances.population_stability(before, now) == pytest.approx(oracle, abs=1e-9)


def test_the_index_is_symmetric_and_finite_where_a_bin_is_empty() -> None:
    one, other = np.array([100, 0, 50]), np.array([0, 10, 50])
    found = distances.population_stability(one, other)
    assert found == pytest.approx(distances.population_stability(other, one))
    assert 0 < found < np.inf


SHAPES: dict[str, Draw] = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "offset": lambda rng, rows: 1.7e9 + 1e5 * rng.normal(size=rows),
    "long tail": lambda rng, rows: rng.lognormal(sigma=2, size=rows),
    "endless tail": lambda rng, rows: rng.standard_cauchy(size=rows),
    "tiny": lambda rng, rows: 1e-30 * rng.normal(size=rows),
    "float32": lambda rng, rows: rng.normal(size=rows).astype(np.float32),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("move", "stretch"), [(0.0, 1.0), (0.1, 1.1)])
def test_over_cells_the_distances_are_scipys_within_the_stated_error(
    shape: str, move: float, stretch: float
) -> None:
    rng = np.random.default_rng(4)
    before, now = SHAPES[shape](rng, 60_000), SHAPES[shape](rng, 20_000)
    middle = np.median(before)
    now = ((now - middle) * stretch + middle + move * np.std(before - middle)).astype(before.dtype)
    found = side(before, now)
    apart, error = kolmogorov_smirnov(found)
    oracle = stats.ks_2samp(before, now, method="asymp").statistic
    assert apart <= oracle + 1e-9 and oracle <= apart + error + 1e-9
    assert error < 0.002
    moved, unsure = wasserstein(found)
    oracle = stats.wasserstein_distance(before.astype(float), now.astype(float))
    assert abs(moved - oracle) <= unsure
    assert moved == pytest.approx(oracle, rel=1e-3)


def over_deciles(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows between the deciles of what was before, or its few values, as numpy has them."""
    different = np.unique(before)
    inner = np.unique(np.quantile(before, np.arange(1, 10) / 10))
    if len(different) <= 10:
        inner = np.append(np.nextafter(different[0], -np.inf), different)
    ends = [np.searchsorted(np.sort(one), inner, "right") for one in (before, now)]
    return tuple(np.diff(one, prepend=0, append=len(of)) for one, of in zip(ends, (before, now), strict=True))


floats = st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 0.1, -7.25, 1e5]))


@given(
    st.lists(floats, min_size=1, max_size=80),
    st.lists(floats, min_size=1, max_size=80),
    st.integers(1, 30),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=300)
def test_the_true_distance_is_within_the_stated_error(
    one: list[float], other: list[float], most: int, kind: type[np.floating]
) -> None:
    """With a bound so low that columns turn to cells at any moment: of one side, or of both."""
    before, now = np.array(one, kind), np.array(other, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "EXACT", most)
        like = around(pl.Series(before))
        found = measure(counted(before, like), counted(now, like))
    before, now = before.astype(float), now.astype(float)
    bins, scale = over_deciles(before, now), np.std(before) or 1.0
    true = {
        "psi": distances.population_stability(*bins),
        "jensen_shannon": distances.jensen_shannon(*bins),
        "kolmogorov_smirnov": stats.ks_2samp(before, now, method="asymp").statistic,
        "wasserstein": stats.wasserstein_distance(before, now) / scale,
    }
    assert found.errors["psi"] == found.errors["jensen_shannon"] == 0.0
    for name, value in true.items():
        rounding = 1e-9 + 1e-6 * abs(value) * (name == "wasserstein")
        assert abs(found.distances[name] - value) <= found.errors[name] + rounding, name


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shares", [(0.5, 0.6), (0.03, 0.05)])
def test_a_value_that_many_rows_have_makes_no_distance_inexact(
    shares: tuple[float, float], kind: type[np.floating]
) -> None:
    rng = np.random.default_rng(4)
    before, now = (
        np.where(rng.random(60_000) < share, 7.1, 20 * rng.normal(size=60_000)).astype(kind)
        for share in shares
    )
    found = side(before, now)
    apart, error = kolmogorov_smirnov(found)
    assert apart == pytest.approx(stats.ks_2samp(before, now, method="asymp").statistic, abs=error + 1e-9)
    assert error < 0.005
    assert wasserstein(found)[1] < 0.05


@given(st.lists(st.integers(0, 30), min_size=2, max_size=400), st.lists(st.integers(0, 30), min_size=2))
@settings(max_examples=60)
def test_a_chance_is_scipys(before: list[int], now: list[int]) -> None:
    oracle = stats.ks_2samp(before, now, method="asymp")
    assert chance_of(oracle.statistic, len(before), len(now)) == pytest.approx(oracle.pvalue, abs=1e-9)


@pytest.mark.parametrize("rows", [FINITE * 2 + 2, 30_000])
@pytest.mark.parametrize("scaled", [0.4, 0.8, 1.2, 1.6, 2.4])
def test_a_chance_of_many_rows_is_scipys_within_the_stated_error(rows: int, scaled: float) -> None:
    distance = scaled / np.sqrt(rows / 2)
    oracle = float(stats.kstwo.sf(distance, round(rows / 2)))
    assert chance_of(distance, rows, rows) == pytest.approx(oracle, abs=5e-6)


@pytest.mark.parametrize("seed", range(12))
def test_a_chance_of_moving_is_that_of_all_permutations(seed: int) -> None:
    """Of six and six rows, whose 924 splits scipy goes through; ours are known to four standard errors."""
    rng = np.random.default_rng(seed)
    before, now = rng.standard_cauchy(6), rng.standard_cauchy(6) + seed % 4
    oracle = stats.permutation_test(
        (before, now), stats.wasserstein_distance, alternative="greater", n_resamples=np.inf
    ).pvalue
    unsure = 4 * np.sqrt(oracle * (1 - oracle) / (100 if oracle > 0.05 else 1000))
    assert chance_of_moving(side(before, now)) == pytest.approx(oracle, abs=unsure + 0.005)


def test_a_chance_beyond_all_permutations_is_rather_overstated() -> None:
    """All five that are one are now: of 53,130 splits one is as far."""
    found = chance_of_moving(side(np.zeros(20), np.ones(5)))
    assert 1 / 53_130 <= found < 1 / 1001


@given(counts)
@settings(max_examples=60)
def test_where_enough_rows_are_to_be_expected_the_chance_of_bins_is_that_of_chi_squared(
    pairs: list[tuple[int, int]],
) -> None:
    before, now = (one + 500 for one in both(pairs))
    assert pearson(before, now) == distances.chi_squared(before, now)


def test_the_chance_of_two_rare_bins_is_fishers() -> None:
    table = np.array([58, 1]), np.array([50, 9])
    assert pearson(*table)[1] == pytest.approx(stats.fisher_exact(table).pvalue, abs=0.01)


def test_of_few_different_values_a_chance_goes_down_by_steps() -> None:
    """All rare rows are in the smaller of two samples; by a smooth curve that would be too unlikely."""
    before, now = np.array([10_000, 0]), np.array([200, 4])
    oracle = stats.fisher_exact([before, now]).pvalue
    assert oracle <= pearson(before, now)[1] < 1 / 1001


def test_of_a_billion_rows_the_chance_of_moving_is_known_too() -> None:
    places = np.arange(3.0)
    was, same, other = (np.array(one) * 10**9 for one in ([2, 1, 0], [2, 1, 0], [1, 2, 0]))
    assert chance_of_moving(Side(places, places, was, same)) == 1.0
    assert chance_of_moving(Side(places, places, was, other)) < 1e-6


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_share_of_false_findings_is_scipys(chances: list[float]) -> None:
    oracle = stats.false_discovery_control(chances)
    assert adjust(np.array(chances), "benjamini_hochberg") == pytest.approx(oracle)


def test_holm_asks_the_most_of_the_least_likely() -> None:
    assert adjust(np.array([0.01, 0.04, 0.03]), "holm") == pytest.approx([0.03, 0.06, 0.06])
    assert adjust(np.array([0.6, 0.7]), "holm") == pytest.approx([1.0, 1.0])
    assert adjust(np.array([0.01, 0.5]), "none") == pytest.approx([0.01, 0.5])


def magnitudes(rng: np.random.Generator, rows: int, least: float, most: float) -> np.ndarray:
    return rng.choice([-1.0, 1.0], rows) * 10.0 ** rng.uniform(least, most, rows)


@given(st.floats(-300, 140), st.floats(0, 160), st.integers(0, 9))
@settings(max_examples=40)
def test_of_any_magnitude_the_distances_are_scipys_within_the_stated_error(
    least: float, wide: float, seed: int
) -> None:
    """From 1e-300 to 1e300, of both signs: also beyond 2³³ units, in a cell as wide as they reach."""
    rng = np.random.default_rng(seed)
    before, now = (magnitudes(rng, rows, least, least + wide) for rows in (9000, 5000))
    found = side(before, now)
    apart, error = kolmogorov_smirnov(found)
    oracle = stats.ks_2samp(before, now, method="asymp").statistic
    assert apart <= oracle + 1e-9 and oracle <= apart + error + 1e-9
    moved, unsure = wasserstein(found)
    oracle = stats.wasserstein_distance(before, now)
    assert abs(moved - oracle) <= unsure + 1e-9 * oracle


EXTREMES = {
    "integers beyond 2⁵³": [2**60, 2**60 + 2**20, -(2**61)],
    "constant": [1e17] * 5,
    "subnormal": [5e-324, -5e-320, 0.0],
    "the greatest": [1.7e308, -1.7e308, 1e200],
    "huge beside tiny": [1e300, 1e-300, 1.0],
}


@pytest.mark.parametrize("values", EXTREMES.values(), ids=EXTREMES)
def test_extreme_values_are_counted_and_written_as_json(values: list[float]) -> None:
    like = around(pl.Series(values))
    found = counted(np.array(values), like)
    assert (found.present, found.missing) == (len(values), 0)
    assert np.isfinite([found.mean, found.deviation]).all()
    assert read(json.loads(json.dumps(found.record(), allow_nan=False))).record() == found.record()
    both = found + found
    assert np.isfinite([both.mean, both.deviation]).all() and both.present == 2 * len(values)
    apart, _ = kolmogorov_smirnov(side_by_side(found, both))
    assert apart == pytest.approx(0.0, abs=1e-12)
