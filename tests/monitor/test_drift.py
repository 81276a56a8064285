"""Drift by simulation: how often it is told where there is none, and where there is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from isthmus.monitor.baseline import Column, around, count, describe
from isthmus.monitor.drift import Rule, drifts, measure
from isthmus.monitor.findings import Drift
from isthmus.monitor.histogram import histogram

SEED = 7
RNG = np.random.default_rng(SEED)
ROUNDS = 250
Draw = Callable[[int], pl.Series]


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    RNG.bit_generator.state = np.random.default_rng(SEED).bit_generator.state


def told(before: Column, now: Column, rule: Rule) -> bool:
    return drifts({"x": before}, {"x": now}, rule)[0].ratio > 1


def of(*rows: int) -> Column:
    """A column of a few values, each so many times."""
    column = pl.Series(np.repeat(np.arange(len(rows)), rows), dtype=pl.Int64)
    return count(column, around(pl.Series([0, 1])))


def numbers(rows: int) -> pl.Series:
    return pl.Series(RNG.normal(size=rows))


def truths(rows: int) -> pl.Series:
    return pl.Series(RNG.random(rows) < 0.3)


def half_zero(rows: int) -> pl.Series:
    return pl.Series(np.where(RNG.random(rows) < 0.6, 0.0, RNG.exponential(size=rows)))


def long_tail(rows: int) -> pl.Series:
    weights = 1 / np.arange(1, 61) ** 1.5
    return pl.Series(RNG.choice([f"c{place}" for place in range(60)], rows, p=weights / weights.sum()))


def alike(rows: int) -> pl.Series:
    return pl.Series(RNG.choice([f"c{place}" for place in range(60)], rows))


BY_CHANCE = ["psi", "kolmogorov_smirnov"]


def mostly_zero(rows: int, times: float = 1.0) -> pl.Series:
    return pl.Series(np.where(RNG.random(rows) < 0.95, 0.0, times * RNG.exponential(size=rows)))


def with_strays(rows: int) -> pl.Series:
    return pl.Series(np.where(RNG.random(rows) < 0.03, 50.0, RNG.normal(size=rows)))


def alone(statistic: str, confidence: float = 0.99) -> Rule:
    """The test alone decides."""
    of_texts = "psi" if statistic in ("kolmogorov_smirnov", "wasserstein") else statistic
    return Rule(statistic, of_texts, {statistic: 0, of_texts: 0}, confidence)


@pytest.mark.parametrize(("before", "now"), [(730, 48), (730, 180), (1000, 20), (100, 1000), (100, 5000)])
@pytest.mark.parametrize("draw", [numbers, truths, half_zero, long_tail, alike])
@pytest.mark.parametrize("statistic", BY_CHANCE)
def test_false_alarms_are_as_rare_as_configured(draw: Draw, before: int, now: int, statistic: str) -> None:
    assert alarms(draw, before, now, statistic) <= 12


@pytest.mark.parametrize("draw", [numbers, mostly_zero])
def test_false_alarms_of_wasserstein_are_as_rare(draw: Draw) -> None:
    assert alarms(draw, 200, 48, "wasserstein") <= 12


def alarms(draw: Draw, before: int, now: int, statistic: str) -> int:
    """Of 250 undrifted pairs 2.5 are told at 99 %; more than 12 would break the promise (p < 1e-5)."""
    found = 0
    for _ in range(ROUNDS):
        baseline = describe(draw(before))
        found += told(baseline, count(draw(now), baseline), alone(statistic))
    return found


def test_the_usual_threshold_alone_cries_wolf_on_few_rows() -> None:
    """The reason for the test: 0.2 on 48 rows is passed by chance in one case of three or so."""
    baselines = [describe(numbers(730)) for _ in range(ROUNDS)]
    alarms = sum(measure(one, count(numbers(48), one)).distances["psi"] > 0.2 for one in baselines)
    assert alarms / ROUNDS > 0.2


@pytest.mark.parametrize(
    "statistic", ["psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein", "chi_squared"]
)
@pytest.mark.parametrize(
    ("draw", "moved"),
    [
        (numbers, lambda rows: pl.Series(RNG.normal(1.0, 1.0, rows))),
        (numbers, lambda rows: pl.Series(RNG.normal(0.0, 3.0, rows))),
        (truths, lambda rows: pl.Series(RNG.random(rows) < 0.7)),
        (long_tail, lambda rows: pl.Series(RNG.choice(["c0", "new"], rows))),
    ],
    ids=["location", "scale", "share", "category"],
)
def test_real_drift_is_told(draw: Draw, moved: Draw, statistic: str) -> None:
    of_texts = "psi" if statistic in ("kolmogorov_smirnov", "wasserstein") else statistic
    for _ in range(10):
        baseline = describe(draw(730))
        assert told(baseline, count(moved(180), baseline), Rule(statistic, of_texts))


MOVED: dict[str, tuple[Draw, Draw]] = {
    "numbers, wholly": (numbers, lambda rows: pl.Series(RNG.normal(50, 1, rows))),
    "numbers, to a constant": (numbers, lambda rows: pl.Series(np.full(rows, 50.0))),
    "numbers, by half a deviation": (numbers, lambda rows: pl.Series(RNG.normal(0.5, 1, rows))),
    "a rare flag, to none": (
        lambda rows: pl.Series(RNG.random(rows) < 0.1),
        lambda rows: pl.Series([False] * rows),
    ),
    "a constant, to another": (lambda rows: pl.Series([5.0] * rows), lambda rows: pl.Series([3.0] * rows)),
    "few categories, all to unseen ones": (
        lambda rows: pl.Series(RNG.choice(["a", "b"], rows)),
        lambda rows: pl.Series(RNG.choice(["x", "y"], rows)),
    ),
    "many categories, all to an unseen one": (alike, lambda rows: pl.Series(["web"] * rows)),
}


@pytest.mark.parametrize("statistic", ["psi", "jensen_shannon", "chi_squared"])
@pytest.mark.parametrize("moved", MOVED)
def test_drift_is_told_however_much_larger_the_window_is(moved: str, statistic: str) -> None:
    before, now = MOVED[moved]
    baseline = describe(before(365))
    assert told(baseline, count(now(60_000), baseline), Rule(statistic, statistic))
    assert not told(baseline, count(before(60_000), baseline), Rule(statistic, statistic, confidence=0.999))


@pytest.mark.parametrize(
    ("before", "now"), [(numbers, with_strays), (mostly_zero, lambda rows: mostly_zero(rows, 10.0))]
)
def test_drift_in_the_tails_is_told_by_wasserstein(before: Draw, now: Draw) -> None:
    """Kolmogorov-Smirnov's test is blind there: it sees but the functions' largest gap."""
    baseline = describe(before(2000))
    assert told(baseline, count(now(500), baseline), Rule("wasserstein"))
    assert not told(baseline, count(before(500), baseline), Rule("wasserstein"))


def test_confidence_holds_for_all_features_together() -> None:
    """Of 120 undrifted data sets with 20 features each, about one is told, not 22."""
    alarms = 0
    for _ in range(120):
        rows = RNG.normal(size=(500, 20))
        baseline = {str(place): describe(pl.Series(rows[:, place])) for place in range(20)}
        later = RNG.normal(size=(200, 20))
        current = {name: count(pl.Series(later[:, int(name)]), one) for name, one in baseline.items()}
        alarms += drifts(baseline, current, alone("psi"))[0].ratio > 1
    assert alarms <= 8


def test_the_furthest_comes_first_and_what_has_no_values_not_at_all() -> None:
    baseline = {name: of(50, 50) for name in ("steady", "gone", "moved")}
    current = {"steady": of(26, 24), "gone": of(0, 0), "moved": of(45, 5)}
    found = drifts(baseline, current, Rule())
    assert [one.feature for one in found] == ["moved", "steady"]
    assert found[0].ratio > 1 > found[1].ratio


@pytest.mark.parametrize("values", [[1, 2], ["a", "b"]], ids=["numbers", "texts"])
def test_the_same_shares_are_no_distance_however_many_more_rows_there_are(values: list[object]) -> None:
    """No row is beyond the values or of another category, before or now."""
    baseline = {"x": describe(pl.Series(values * 50))}
    (found,) = drifts(baseline, {"x": count(pl.Series(values * 50_000), baseline["x"])}, Rule())
    assert found.distances["psi"] == found.distances["jensen_shannon"] == 0


def test_a_small_but_certain_difference_is_no_drift() -> None:
    """A million rows make every difference certain; the threshold says which ones matter."""
    baseline, current = of(500_000, 500_000), of(505_000, 495_000)
    (found,) = drifts({"x": baseline}, {"x": current}, Rule())
    assert found.chance < 0.01 and found.ratio < 1
    assert told(baseline, current, alone("psi"))


def test_prose_drifts_by_the_length_of_its_texts() -> None:
    short = pl.Series([f"case {number} is closed" for number in range(1000)])
    long = pl.Series([f"case {number} is open, and nobody knows why it is" for number in range(500)])
    baseline = {"note": describe(short)}
    found = drifts(baseline, {"note": count(long, baseline["note"])}, Rule())
    assert next(one.ratio for one in found if one.feature == "note (characters)") > 1


def six_words(rows: int, words: str, between: str = " ") -> pl.Series:
    return pl.Series([between.join(RNG.choice(words.split(), 6)) for _ in range(rows)])


BILLING = "invoice charge refund card price tax"
OUTAGE = "server outage network down error broken"
# What there is trouble with, in languages that write no spaces: bills, and outages.
UNSPACED = {
    "Chinese": ("发票 收费 退款 银行卡 价格 税", "服务器 故障 网络 崩溃 错误 损坏"),
    "Japanese": ("請求書 の 返金 カード です 税金", "サーバー が ネットワーク 障害 です エラー"),
    "Thai": ("ใบแจ้งหนี้ ค่าบริการ คืนเงิน บัตร ราคา ภาษี", "เซิร์ฟเวอร์ ขัดข้อง เครือข่าย ล่ม ผิดพลาด เสีย"),
}


def test_prose_drifts_by_its_words() -> None:
    baseline = {"note": describe(six_words(3000, BILLING))}
    found = drifts(baseline, {"note": count(six_words(2000, OUTAGE), baseline["note"])}, Rule())
    assert found[0].feature == "note (words)" and found[0].ratio > 1


@pytest.mark.parametrize(("bills", "outages"), UNSPACED.values(), ids=[*UNSPACED])
def test_so_does_prose_without_spaces(bills: str, outages: str) -> None:
    """A fifth of what was about bills is about outages now."""
    before = describe(six_words(3000, bills, ""))
    some = pl.concat([six_words(1600, bills, ""), six_words(400, outages, "")])
    assert told_words(before, count(some, before))


def test_false_alarms_of_words_are_as_rare() -> None:
    """The words of a row come together: were each counted, chance would bring more than the test allows."""

    def complaints(rows: int) -> pl.Series:
        some = RNG.choice([BILLING, OUTAGE, *UNSPACED["Japanese"]], rows)
        return pl.Series([f"{one} {number}" for number, one in enumerate(some)])

    found = 0
    for _ in range(ROUNDS):
        baseline = describe(complaints(200))
        found += told_words(baseline, count(complaints(100), baseline))
    assert found <= 12


def told_words(before: Column, now: Column) -> bool:
    found = drifts({"x": before}, {"x": now}, Rule(texts="psi", thresholds={"psi": 0}, correction="none"))
    return next(one.ratio for one in found if one.feature == "x (words)") > 1


def test_a_constant_that_changes_is_drift() -> None:
    baseline = describe(pl.Series([5.0] * 100))
    assert told(baseline, count(pl.Series([3.0] * 40), baseline), Rule())
    assert not told(baseline, count(pl.Series([5.0] * 40), baseline), Rule())


@pytest.mark.parametrize(
    ("marker", "centre", "spread"),
    [(999_999, 50, 10), (0, 1_750_000_000, 130_000)],
    ids=["no value", "never"],
)
@pytest.mark.parametrize("statistic", ["psi", "jensen_shannon", "chi_squared", "kolmogorov_smirnov"])
def test_what_moves_beside_a_marker_of_most_rows_is_told(
    marker: float, centre: float, spread: float, statistic: str
) -> None:
    """A number that stands for none, far away: cells around it would hold all others together."""

    def drawn(moved: float) -> pl.Series:
        values = RNG.normal(centre + moved * spread, spread, 20_000)
        return pl.Series(np.where(RNG.random(20_000) < 0.55, marker, values))

    baseline = describe(drawn(0))
    assert told(baseline, count(drawn(1), baseline), Rule(numbers=statistic))
    assert not told(baseline, count(drawn(0), baseline), Rule(numbers=statistic))


def test_deciles_hold_a_tenth_each_and_few_values_have_a_bin_of_their_own() -> None:
    column = describe(pl.Series(RNG.normal(size=3000)))
    assert set(histogram(column, column).before) <= {299, 300, 301}
    few = describe(pl.Series([0, 1, 1]))
    bins = histogram(few, count(pl.Series([-5, 0, 1, 7]), few))
    assert (bins.before.tolist(), bins.now.tolist()) == ([0, 1, 2, 0], [1, 1, 1, 1])
    many = describe(pl.Series(RNG.normal(size=20_000)))
    assert all(abs(rows - 2000) < 30 for rows in histogram(many, many).before)


def clustered(rows: int, wide: float) -> pl.Series:
    """Some rows lie beyond the last decile, so far away and close together that they share a cell."""
    far = RNG.random(rows) < 0.08
    return pl.Series(np.where(far, 1e6 + RNG.uniform(0, wide, rows), RNG.normal(size=rows)))


@pytest.mark.parametrize("threshold", [0.05, 0.0])
def test_what_is_counted_too_coarsely_to_tell_is_unsure(threshold: float) -> None:
    baseline = describe(clustered(20_000, 1.0))
    rule = Rule("kolmogorov_smirnov", thresholds={"kolmogorov_smirnov": threshold})
    (found,) = drifts({"x": baseline}, {"x": count(clustered(20_000, 0.2), baseline)}, rule)
    assert found.value < 0.05 < found.value + found.error
    assert (found.verdict, found.ratio <= 1) == ("unsure", True)
    usual = Rule("kolmogorov_smirnov")
    (found,) = drifts({"x": baseline}, {"x": count(clustered(20_000, 0.2), baseline)}, usual)
    assert found.verdict == "steady"


@pytest.mark.parametrize("statistic", ["wasserstein", "kolmogorov_smirnov"])
def test_drift_is_told_only_where_it_is_however_wrong_the_distance(statistic: str) -> None:
    """The least that it can be decides: of what is never found too large, that is itself."""
    distances = {statistic: 0.11}
    found = Drift("x", statistic, distances, {statistic: 0.02}, 0.1, 1e-9, 0.01, possible=True)
    assert found.verdict == ("unsure" if statistic == "wasserstein" else "drift")
