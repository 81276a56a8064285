"""What is noticed about the rows of a pull request's sample."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from isthmus.build import quality, sample
from isthmus.config import ModelConfig
from tests.own_models import HOUSES


@pytest.fixture
def config() -> ModelConfig:
    return ModelConfig.model_validate(
        HOUSES | {"features": ["size", "owner", "district", "heating", "rooms"]}
    )


@pytest.fixture
def found(config: ModelConfig, tmp_path: Path) -> quality.Quality:
    """Of forty rows, the last three without a target."""
    rows = range(40)
    frame = pd.DataFrame(
        {
            "size": [50.0 + row for row in rows],
            "owner": [f"owner {row // 2 * 2 if row < 30 else row}" if row else None for row in rows],
            "district": ["north" if row % 2 else "south" for row in rows],
            "heating": ["gas" for _ in rows],
            "rooms": [row % 3 for row in rows],
            "price": [100.0 + row if row < 37 else None for row in rows],
        }
    )
    (tmp_path / sample.ROWS).mkdir(parents=True)
    frame.to_csv(tmp_path / sample.ROWS / "rows.csv", index=False)
    return quality.look(config, tmp_path, None)


def test_texts_that_hardly_repeat_are_told_from_categories_and_numbers(found: quality.Quality) -> None:
    assert [one.name for one in found.columns if one.is_scattered] == ["owner"]
    assert [one.name for one in found.columns if one.is_constant] == ["heating"]


def test_rows_without_a_target_are_counted(found: quality.Quality) -> None:
    assert (found.rows, found.untold) == (37, 3)
