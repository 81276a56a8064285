"""What is noticed about the rows of a pull request's sample."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from isthmus.build import quality, sample
from isthmus.config import ModelConfig
from tests.own_models import HOUSES


def test_texts_that_hardly_repeat_are_told_from_categories_and_numbers(tmp_path: Path) -> None:
    config = ModelConfig.model_validate(
        HOUSES | {"features": ["size", "owner", "district", "heating", "rooms"]}
    )
    rows = range(40)
    frame = pd.DataFrame(
        {
            "size": [50.0 + row for row in rows],
            "owner": [f"owner {row // 2 * 2 if row < 30 else row}" if row else None for row in rows],
            "district": ["north" if row % 2 else "south" for row in rows],
            "heating": ["gas" for _ in rows],
            "rooms": [row % 3 for row in rows],
            "price": [100.0 + row for row in rows],
        }
    )
    (tmp_path / sample.ROWS).mkdir(parents=True)
    frame.to_csv(tmp_path / sample.ROWS / "rows.csv", index=False)
    found = {one.name: one for one in quality.look(config, tmp_path, None).columns}
    assert [name for name, one in found.items() if one.is_scattered] == ["owner"]
    assert [name for name, one in found.items() if one.is_constant] == ["heating"]
