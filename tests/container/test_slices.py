"""Groups of rows, which an approver is shown as they come and a gate judges as the text of a file."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from isthmus.container.groups import groups
from isthmus.container.slices import slices

RANDOM = np.random.default_rng(7)
ROWS = pd.DataFrame(
    {
        "wind": RANDOM.normal(size=400),
        "gusts": np.where(RANDOM.random(400) < 0.1, np.nan, RANDOM.normal(size=400)),
        "hour": RANDOM.choice([6.0, 12.0, np.nan], 400),
        "station": RANDOM.choice([20_110_001, 20_110_002], 400),
        "sky": RANDOM.choice(["clear", "grey", None], 400),
        "town": RANDOM.choice([f"town {number}" for number in range(20)], 400),
    }
)


@pytest.mark.parametrize("column", ROWS.columns)
def test_what_the_approver_is_shown_is_what_the_gate_judges(column: str) -> None:
    texts = pd.read_csv(io.StringIO(ROWS.to_csv(index=False)), dtype=str, keep_default_na=False)
    shown, judged = groups(ROWS, [column]), groups(texts, [column])
    assert [one.name for one in shown] == [one.name for one in judged]
    assert all((one.rows == other.rows).all() for one, other in zip(shown, judged, strict=True))


def test_groups_are_quarters_of_many_numbers_values_of_few_and_the_commonest_texts() -> None:
    sizes = {column: [one.size for one in groups(ROWS, [column])] for column in ROWS}
    assert sizes["wind"] == [100] * 4
    assert len(sizes["gusts"]) == 4 and sum(sizes["gusts"]) == ROWS["gusts"].notna().sum()
    assert len(sizes["town"]) == 12
    assert [one.name for one in groups(ROWS, ["hour", "station"])] == [
        "hour = (missing)",
        "hour = 12",
        "hour = 6",
        "station = 20110001",
        "station = 20110002",
    ]


def test_quarters_are_named_by_their_own_values_with_digits_that_tell_them_apart() -> None:
    rows = pd.DataFrame({"price": range(100_000, 100_050), "age": [*range(25), *range(25)]})
    assert [one.name for one in groups(rows, ["price", "age"])] == [
        "price 100000 to 100012",
        "price 100013 to 100024",
        "price 100025 to 100036",
        "price 100037 to 100049",
        "age 0 to 6",
        "age 7 to 12",
        "age 13 to 18",
        "age 19 to 24",
    ]


def test_slices_are_groups_with_rows_enough() -> None:
    rows = ROWS.assign(sky=["clear"] * 380 + ["grey"] * 20)
    truth = (rows["wind"] > 0).to_numpy().astype(int)
    # Right on the lower half of the wind only.
    predicted = np.where(rows["wind"] <= rows["wind"].median(), truth, 1 - truth).astype(float)
    said, small = slices(rows, ["wind", "sky"], "accuracy", truth, predicted, 0.95)
    assert [one["value"] for one in said[:4]] == [1.0, 1.0, 0.0, 0.0]
    assert [(one["slice"], one["n"]) for one in said[4:]] == [("sky = clear", 380)]
    assert small == 1


def test_macro_f1_of_a_group_is_that_of_the_classes_it_has_ten_rows_of() -> None:
    """One stray answer, and nine rows of another class, each weighed as much as all the others."""
    rows = pd.DataFrame({"island": ["Biscoe"] * 60 + ["Dream"] * 40 + ["Torgersen"] * 40})
    truth = np.array([*(["Adelie"] * 51), *(["Gentoo"] * 9), *(["Gentoo"] * 40), *"abcde" * 8])
    predicted = truth.copy()
    predicted[[0, 51]] = ["Chinstrap", "Adelie"]
    said, small = slices(rows, ["island"], "f1_macro", truth, predicted, 0.95)
    # Of 51 Adelie one is missed, and one of those that are said to be is none.
    assert [(one["slice"], one["value"]) for one in said] == [
        ("island = Biscoe", pytest.approx(50 / 51)),
        ("island = Dream", 1.0),
    ]
    assert small == 1
