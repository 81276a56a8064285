"""How far two samples are apart, and how likely chance alone brings them so far.

Pure functions of counts. Over the values of two columns they agree with scipy's `ks_2samp`,
`wasserstein_distance`, `jensenshannon` and `chi2_contingency`; over cells they say how wrong they can be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import chdtrc, kolmogorov
from scipy.stats import kstwo

from isthmus.monitor.cells import Counts, Floats
from isthmus.monitor.sides import Side

# A bin that is empty on one side counts as half a row, so that the index stays finite.
HALF_ROW = 0.5
# χ²'s own distribution is an approximation, for bins of which so many rows are to be expected.
FEWEST_ROWS = 5
# With more rows the Kolmogorov-Smirnov test's own distribution takes scipy seconds.
FINITE = 5_000
# Permutations of a column, so many at a time until so many were as far as what is looked at.
PERMUTATIONS, AT_ONCE, ENOUGH = 1_000, 100, 10
# From how many on the tail is fitted.
TAIL = 100
# numpy splits fewer rows than this without replacement; of more it makes no difference.
MOST_SPLIT = 1_000_000_000


def population_stability(before: Counts, now: Counts) -> float:
    """The population stability index over bins; 0 where a side has no rows."""
    if not before.sum() or not now.sum():
        return 0.0
    # What is empty on both sides tells nothing: half a row is not the same share of each.
    held = before + now > 0
    was, is_ = (np.maximum(side[held], HALF_ROW) for side in (before, now))
    was, is_ = was / was.sum(), is_ / is_.sum()
    return float(np.sum((is_ - was) * np.log(is_ / was)))


def jensen_shannon(before: Counts, now: Counts) -> float:
    """The Jensen-Shannon distance over bins (the root of the divergence, natural logarithm)."""
    if not before.sum() or not now.sum():
        return 0.0
    was, is_ = before / before.sum(), now / now.sum()
    middle = (was + is_) / 2
    return float(np.sqrt(max(0.0, (_relative(was, middle) + _relative(is_, middle)) / 2)))


def _relative(one: Floats, other: Floats) -> float:
    held = one > 0
    return float(np.sum(one[held] * np.log(one[held] / other[held])))


def chi_squared(before: Counts, now: Counts) -> tuple[float, float]:
    """Pearson's statistic of the two rows of counts, and its probability where nothing has changed."""
    both = np.array([before, now], dtype=float)
    both = both[:, both.sum(axis=0) > 0]
    rows = both.sum(axis=1, keepdims=True)
    if not rows.all() or both.shape[1] < 2:
        return 0.0, 1.0
    expected = rows * both.sum(axis=0) / both.sum()
    statistic = float(np.sum((both - expected) ** 2 / expected))
    return statistic, float(chdtrc(both.shape[1] - 1, statistic))


def pearson(before: Counts, now: Counts) -> tuple[float, float]:
    """Pearson's statistic, and how likely bins so far apart are where nothing has changed.

    By χ², or by permutations where it is unfit.

    Then a bin that expects fewer than `FEWEST_ROWS` weighs as if it expected these, and all such bins count
    once more together: their few rows, squared and over next to nothing, would hide what the others tell.
    """
    held = (before + now) > 0
    was, is_ = before[held], now[held]
    statistic, chance = chi_squared(was, is_)
    pooled = was + is_
    if statistic and pooled.min() * min(was.sum(), is_.sum()) < FEWEST_ROWS * pooled.sum():
        chance = _by_permutations(was, is_, _apart)
    return statistic, chance


def _apart(before: Counts, now: Counts) -> Floats:
    """The root of what Pearson's statistic is of each pair of rows, where rare bins weigh as said."""
    pooled = before + now
    shares = pooled / pooled.sum(axis=1, keepdims=True)
    return np.sqrt(_squares(before, shares) + _squares(now, shares))


def _squares(rows: Counts, shares: Floats) -> Floats:
    expected = shares * rows.sum(axis=1, keepdims=True)
    more, rare = rows - expected, expected < FEWEST_ROWS
    alone = more**2 / np.maximum(expected, FEWEST_ROWS)
    together = (more * rare).sum(axis=1) ** 2 / np.maximum((expected * rare).sum(axis=1), FEWEST_ROWS)
    found: Floats = alone.sum(axis=1) + together
    return found


def kolmogorov_smirnov(side: Side) -> tuple[float, float]:
    """The largest distance of the two distribution functions, and how much larger it can truly be.

    The second is 0 where the values are known.
    """
    if side.functions is None:
        return 0.0, 0.0
    was, is_ = side.functions
    found = float(np.max(np.abs(was - is_)[1:]))
    wide = side.upper > side.lower
    highest = np.maximum(was[1:] - is_[:-1], is_[1:] - was[:-1])[wide]
    return found, max(0.0, float(highest.max(initial=0.0)) - found)


def chance_of(distance: float, before: int, now: int) -> float:
    """How likely the Kolmogorov-Smirnov distance is where nothing has changed.

    As `ks_2samp` has it (`method="asymp"`): for one sample of as many rows as the two are worth together. Of
    more than `FINITE` it is within 5e-6 of that, by the limit and its first terms (Vrbik 2018).
    """
    if not before or not now:
        return 1.0
    rows = max(1, round(before * now / (before + now)))
    if rows <= FINITE:
        return float(kstwo.sf(min(1.0, distance), rows))
    scaled = distance * np.sqrt(rows)
    return float(kolmogorov(scaled + 1 / (6 * np.sqrt(rows)) + (scaled - 1) / (4 * rows)))


def wasserstein(side: Side) -> tuple[float, float]:
    """The Wasserstein distance in the column's own unit, and how wrong it can be."""
    if side.functions is None:
        return 0.0, 0.0
    was, is_ = side.functions
    middle = (side.lower + side.upper) / 2
    found = float(np.sum(np.abs(was - is_)[1:-1] * np.diff(middle)))
    shares = np.diff(was) + np.diff(is_)
    return found, float(np.sum(shares * (side.upper - side.lower)) / 2)


def chance_of_moving(side: Side, more: float = 0.0) -> float:
    """How likely a Wasserstein distance so large, and `more`, is by chance alone: by permutations."""
    if side.functions is None:
        return 1.0
    # Of half their size, so that no width is beyond the greatest number.
    widths = np.diff(side.lower / 4 + side.upper / 4)
    widest = widths.max(initial=0.0) or 1.0
    moved = partial(_moved, widths=widths / widest)
    return _by_permutations(side.before, side.now, moved, more / 2 / widest)


def _by_permutations(
    before: Counts, now: Counts, apart: Callable[[Counts, Counts], Floats], more: float = 0.0
) -> float:
    """How likely counts so far `apart`, and `more`, are where all rows are split anew.

    Under one in a thousand it follows an exponential tail: a permutation's own is lighter, so the chance is
    rather overstated. The same counts give the same chance.
    """
    pooled, rows = before + now, int(now.sum())
    found = float(apart(before[None], now[None])[0]) + more
    random, drawn = np.random.default_rng(0), np.empty(0)
    while len(drawn) < PERMUTATIONS:
        drawn = np.append(drawn, apart(*_splits(pooled, rows, random)))
        as_far = int(np.sum(drawn >= found * (1 - 1e-9)))
        if as_far >= ENOUGH:
            break
    counted = (1 + as_far) / (1 + len(drawn))
    return counted if as_far else min(counted, _beyond(drawn, found))


def _moved(before: Counts, now: Counts, widths: Floats) -> Floats:
    apart = np.cumsum(
        now / now.sum(axis=1, keepdims=True) - before / before.sum(axis=1, keepdims=True), axis=1
    )
    moved: Floats = np.abs(apart[:, :-1]) @ widths
    return moved


def _splits(pooled: Counts, rows: int, random: np.random.Generator) -> tuple[Counts, Counts]:
    """All rows split anew, before and now, each so often as `AT_ONCE`."""
    total = int(pooled.sum())
    if total < MOST_SPLIT:
        now = random.multivariate_hypergeometric(pooled, rows, AT_ONCE)
        return pooled - now, now
    shares = pooled / total
    return random.multinomial(total - rows, shares, AT_ONCE), random.multinomial(rows, shares, AT_ONCE)


def _beyond(drawn: Floats, found: float) -> float:
    """The chance of what is farther than all that was drawn.

    Where there are few different values, the tail goes down by steps of one.
    """
    # As many digits as tell values apart that only rounding makes two.
    drawn = np.round(drawn / found, 9)
    start = max(drawn[drawn < np.sort(drawn)[-TAIL]], default=drawn.min())
    share = float(np.mean(drawn > start))
    # What was found is one draw more: of a tail of one value nothing else tells how it goes on.
    tail = np.append(drawn[drawn > start], 1.0) - start
    step = float(tail.min())
    return share * float((1 - step / tail.mean()) ** ((1 - start - step) / step)) if share else 1.0


def adjust(chances: Floats, correction: str) -> Floats:
    """Probabilities as they are where so many were looked at.

    `holm` keeps the chance of one false finding among them at the level, `benjamini_hochberg` the share of
    false findings; `none` is each test alone.
    """
    number = len(chances)
    order = np.argsort(chances, kind="stable")
    ranked = np.asarray(chances, float)[order]
    if correction == "holm":
        ranked = np.maximum.accumulate(ranked * np.arange(number, 0, -1))
    elif correction == "benjamini_hochberg":
        ranked = np.minimum.accumulate((ranked * number / np.arange(1, number + 1))[::-1])[::-1]
    adjusted = np.empty(number)
    adjusted[order] = np.minimum(ranked, 1.0)
    return adjusted
