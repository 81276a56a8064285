"""Columns, counted: shards merged are the same as one pass, and what is read is what was written."""

from __future__ import annotations

import json
from functools import reduce
from operator import add

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.monitor import numbers, texts
from isthmus.monitor.baseline import Column, around, count, read_column
from isthmus.monitor.numbers import EXACT, Numbers

cells = st.lists(
    st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(-3, 3), st.sampled_from([np.nan, np.inf, -0.0])),
    min_size=1,
    max_size=40,
)
words = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ü", "", "x" * 40]), st.text(max_size=3)))
shards = st.lists(cells, min_size=1, max_size=6)


def floats(values: list[float | None]) -> pl.Series:
    return pl.Series("x", values, dtype=pl.Float64, strict=False)


def same(one: Column, other: Column) -> bool:
    """Counts to the last row; sums, whose order differs, to a rounding."""
    mine, theirs = one.record(), other.record()
    sums = ("total", "squares")
    for key in sums:
        if key in mine:
            assert mine.pop(key) == pytest.approx(theirs.pop(key), rel=1e-9, abs=1e-6)
    return mine == theirs


@given(shards)
def test_shards_of_numbers_merge_to_the_whole(parts: list[list[float]]) -> None:
    whole = floats([value for part in parts for value in part])
    like = around(whole)
    merged = reduce(add, (count(floats(part), like) for part in parts))
    assert same(merged, count(whole, like))
    assert merged.n == len(whole)


@given(shards, st.integers(1, 5))
@settings(max_examples=50)
def test_shards_in_cells_merge_to_the_whole(parts: list[list[float]], most: int) -> None:
    """With a bound so low that columns turn to cells at any moment, in a shard or between two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "EXACT", most)
        whole = floats([value for part in parts for value in part])
        like = around(whole)
        merged = reduce(add, (count(floats(part), like) for part in parts))
        assert same(merged, count(whole, like))


@given(st.lists(words, min_size=1, max_size=6), words, st.integers(1, 4))
@settings(max_examples=50)
def test_shards_of_texts_merge_to_the_whole(parts: list[list[str]], known: list[str], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "SAMPLE", most)
        like = texts.around(pl.Series("x", known, dtype=pl.String))
        series = [pl.Series("x", part, dtype=pl.String) for part in parts]
        merged = reduce(add, (count(one, like) for one in series))
        whole = count(pl.concat(series), like)
        assert whole.sample == merged.sample
        assert same(merged, whole)


def test_only_columns_counted_alike_add_up() -> None:
    with pytest.raises(ValueError, match="same cells"):
        Numbers(1.0) + Numbers(2.0)
    with pytest.raises(ValueError, match="same categories"):
        texts.Texts({"a": 0}) + texts.Texts({"b": 0})


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1.5, None, 2.0, float("nan")]),
        pl.Series(np.random.default_rng(0).normal(size=3 * EXACT)),
        pl.Series([1, 2, 3]),
        pl.Series([True, False, None]),
        pl.Series(["a", "b", None]),
        pl.Series([f"a text of many words, the {number}th of them" for number in range(2000)]),
        pl.Series([None, None], dtype=pl.Float64),
    ],
    ids=["few", "many", "integers", "truths", "texts", "prose", "nothing"],
)
def test_a_column_survives_a_round_trip_as_json(column: pl.Series) -> None:
    written = count(column, around(column))
    record = json.loads(json.dumps(written.record(), allow_nan=False))
    assert read_column(record).record() == written.record()


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int64, pl.UInt8])
def test_moments_are_those_of_the_values(dtype: type[pl.DataType]) -> None:
    column = pl.Series(np.random.default_rng(2).integers(0, 250, 100_000)).cast(dtype)
    found = numbers.around(column)
    found.add(column)
    values = column.to_numpy().astype(float)
    assert (found.least, found.greatest, found.n) == (values.min(), values.max(), len(values))
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(values.std(), rel=1e-12)
    assert found.integral == column.dtype.is_integer()


def test_a_large_offset_costs_no_precision() -> None:
    values = 1.7e9 + np.random.default_rng(3).normal(size=50_000)
    found = numbers.around(pl.Series(values))
    found.add(pl.Series(values))
    assert found.deviation == pytest.approx(values.std(), rel=1e-6)
    assert len(found.record()["cells"]) > 1000


def test_how_many_texts_there_are_is_known_to_a_few_percent() -> None:
    column = pl.Series([f"id-{number}" for number in range(100_000)])
    found = texts.around(column)
    found.add(column)
    assert found.distinct == pytest.approx(100_000, rel=0.12)
    assert found.lengths is not None and found.lengths.greatest == len("id-99999")


def test_of_each_text_one_word_counts_and_a_baseline_without_words_is_read() -> None:
    values = [f"Über-{number} ÜBER" for number in range(100)] + [str(number) for number in range(10)] + [None]
    found = texts.around(pl.Series(values))
    found.add(pl.Series(values))
    assert found.words is not None and found.words.domain == {"": 10, "über": 100}
    assert texts.read(found.record()).record() == found.record()
    both = found + found
    assert both.words is not None and both.words.domain == {"": 20, "über": 200}
    older = {key: told for key, told in found.record().items() if key != "words"}
    assert texts.read(older).record() == older


def test_a_text_keeps_its_commonest_categories_and_counts_the_others() -> None:
    values = [f"c{number:02}" for number in range(60) for _ in range(1 + 29 * (number < 50))]
    found = texts.around(pl.Series(values))
    found.add(pl.Series(values))
    assert found.domain == {f"c{number:02}": 30 for number in range(50)}
    assert (found.others, found.distinct, found.lengths) == (10, 60, None)


def test_half_of_the_rows_choose_the_categories_where_not_all_are_known() -> None:
    """Else those that are common by chance would be chosen, and count as rarer ever after."""
    few = texts.around(pl.Series(["a"] * 5 + ["b"] * 5))
    assert few.held_out is None
    many = texts.around(pl.Series([f"c{number}" for number in range(80)] * 10))
    assert many.held_out is not None and many.held_out.n == 400
    assert sum(many.held_out.domain.values()) < 800 * 50 / 80 / 2 < many.held_out.n
    older = {key: told for key, told in many.record().items() if key != "held_out"}
    assert texts.read(older).record() == older


def test_ties_are_broken_the_same_way_every_time() -> None:
    values = [f"c{number}" for number in range(80)]
    assert texts.around(pl.Series(values)) == texts.around(pl.Series(values[::-1]))


def test_what_is_no_number_counts_as_missing() -> None:
    like = around(pl.Series([1.0, 2.0]))
    found = count(pl.Series(["1", "none", None]), like)
    assert (found.missing, found.n) == (2, 3)
    assert count(pl.Series([float("inf"), float("nan")]), like).missing == 2
