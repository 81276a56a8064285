"""What a file must hold that lands for a model: written down at each build, from model.yaml and its rows.

Checking files against it is left to the Lambda in `landing/`, whose `schema.py` reads this format.
"""

from __future__ import annotations

import json
from typing import Any

from isthmus.build import table
from isthmus.build.content import File
from isthmus.build.table import Table, is_number
from isthmus.config import ModelConfig


def schema(source: File, config: ModelConfig) -> dict[str, Any]:
    """The columns of the source, what is in those that the model uses, and what a data set is."""
    rows = table.read(source.content, source.name, config)
    kinds = {name: config.data.types.get(name) or _kind(rows, name, config) for name in config.features}
    kinds[config.target] = "number" if config.problem == "regression" else "class"
    if config.data.time:
        kinds[config.data.time] = "time"
    return {
        "columns": rows.names,
        "header": not config.data.columns,
        "separator": config.data.separator,
        "missing": config.data.missing,
        "kinds": kinds,
        # A class of many may be new; a third of two may not.
        "classes": sorted(set(_cells(rows, config.target, config))) if config.problem == "binary" else [],
        **config.landing.model_dump(),
    }


def publish(s3: Any, bucket: str, key: str, source: File, config: ModelConfig) -> None:
    """Put the schema where files that land are checked against it."""
    text = json.dumps(schema(source, config), indent=1)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/json")


def _kind(rows: Table, name: str, config: ModelConfig) -> str:
    """As at the endpoint: a column whose cells are all numbers holds numbers."""
    return "number" if all(map(is_number, _cells(rows, name, config))) else "text"


def _cells(rows: Table, name: str, config: ModelConfig) -> list[str]:
    """The cells of a column that hold something."""
    place, absent = rows.names.index(name), {"", *config.data.missing}
    return [cell for cell in (row[place].strip() for row in rows.rows) if cell not in absent]
