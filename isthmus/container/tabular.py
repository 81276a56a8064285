"""Rows of a tabular problem: read from CSV files, checked against model.yaml, and put in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.config import ModelConfig
from isthmus.container import moments
from isthmus.counting import counted
from isthmus.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SHUFFLE_SEED = 0
FEWEST_ROWS = 20


def read_rows(folder: Path, config: ModelConfig, also: Sequence[str] = ()) -> pd.DataFrame:
    """All rows of the CSV files in `folder`, oldest first; columns: time (if any), features, facets, target.

    Files count in the order of their names, which `isthmus build run` numbers by arrival. With a time column
    the rows are sorted by it; without one each file's rows are shuffled in a fixed way, so that a file sorted
    by class cannot put one class alone into the hold-out. Rows without a target are left out. `also` names
    columns to keep where the data have them.
    Raises `BadInput` for a missing column, an unreadable file, or a target that does not fit the problem.
    """
    import pandas as pd

    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise BadInput("there is no data: no CSV file", where=str(folder))
    frames = [read_file(file, config, also) for file in files]
    if config.data.time is None:
        frames = [frame.sample(frac=1, random_state=SHUFFLE_SEED) for frame in frames]
    rows = pd.concat(frames, ignore_index=True)
    if config.data.time is not None:
        time = moments.require(rows[config.data.time], lambda row: _place(files, frames, row))
        order = time.sort_values(kind="stable").index
        rows = rows.loc[order].reset_index(drop=True)
    rows[config.target] = _target(rows[config.target], config)
    check_number(len(rows), f"{folder}, column {config.target}")
    return rows


def _place(files: Sequence[Path], frames: Sequence[pd.DataFrame], row: int) -> str:
    """Where a row of all files together stands."""
    import pandas as pd

    file, number = pd.concat(frames, keys=files).index[row]
    return f"{file}, row {number + 1}"


def check_number(rows: int, where: str) -> None:
    """Raise `BadInput` for fewer rows with a target than a model can be learnt from and judged on."""
    if rows < FEWEST_ROWS:
        raise BadInput(
            f"only {counted(rows, 'row')} with a target; {FEWEST_ROWS} are the fewest to learn from",
            where=where,
            todo=f"add {FEWEST_ROWS - rows} or more",
        )


def read_file(file: Path, config: ModelConfig, also: Sequence[str] = ()) -> pd.DataFrame:
    """One CSV file's rows with a target; raises `BadInput` naming the missing column and the nearest one."""
    import pandas as pd

    try:
        frame = pd.read_csv(
            file,
            sep=config.data.separator,
            # What counts as missing is what model.yaml says, here as at the endpoint.
            keep_default_na=False,
            na_values=["", *config.data.missing],
            names=config.data.columns or None,
            header=None if config.data.columns else 0,
            dtype=_texts(config) | {config.target: str},
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput(f"not a CSV file with a header: {error}", where=str(file)) from None
    frame.columns = frame.columns.str.strip()
    time = [config.data.time] if config.data.time else []
    wanted = list(dict.fromkeys([*time, *config.features, *config.facets, config.target]))
    for column in wanted:
        if column not in frame.columns:
            raise BadInput(
                f"no column {column!r}{did_you_mean(column, frame.columns)}",
                where=str(file),
                todo=f"columns there: {', '.join(frame.columns)}",
            )
    wanted += [column for column in also if column in frame.columns and column not in wanted]
    rows = frame[wanted].dropna(subset=[config.target])
    truths = rows.select_dtypes("bool").columns
    rows = rows.astype(dict.fromkeys(truths, int))
    for name, kind in config.data.types.items():
        numbers = pd.to_numeric(rows[name], errors="coerce")
        wrong = rows[name][numbers.isna() & rows[name].notna()]
        if kind == "number" and len(wrong):
            raise BadInput(
                f"{wrong.iloc[0]!r} is not a number, and model.yaml says that {name} holds numbers",
                where=f"{file}, column {name}",
                todo="name what stands for no value in data.missing of model.yaml, or mend the file",
            )
    return rows


def read_prepared(file: Path, config: ModelConfig) -> pd.DataFrame:
    """The rows that the prepare step wrote."""
    import pandas as pd

    return pd.read_csv(file, low_memory=False, dtype=_texts(config))


def _texts(config: ModelConfig) -> dict[str, type[str]]:
    """The features that model.yaml says are texts, whatever their cells look like."""
    return {name: str for name, kind in config.data.types.items() if kind == "text"}


def kinds(frame: pd.DataFrame, features: Sequence[str]) -> dict[str, str]:
    """Whether each feature is a `number` or a `text`: what a request to the model must hold."""
    from pandas.api.types import is_numeric_dtype

    return {name: "number" if is_numeric_dtype(frame[name]) else "text" for name in features}


def fingerprint(frame: pd.DataFrame, columns: Sequence[str]) -> str:
    """The same for the same rows in the same order, however their numbers are stored."""
    return hashlib.sha256(row_keys(frame, columns).tobytes()).hexdigest()


def row_keys(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """A 64-bit number for each row, the same for the same values, however they are stored."""
    from pandas.util import hash_pandas_object

    told = frame[list(columns)].copy()
    for name, kind in kinds(frame, columns).items():
        told[name] = told[name].astype(float) if kind == "number" else told[name].astype(str)
    keys: np.ndarray = hash_pandas_object(told, index=False).to_numpy()
    return keys


def _target(target: pd.Series, config: ModelConfig) -> pd.Series:
    """The target as numbers where it is all numbers; raises `BadInput` where it does not fit the problem."""
    import pandas as pd

    numbers = pd.to_numeric(target, errors="coerce")
    where = f"column {config.target}, the target of model.yaml"
    if config.problem == "regression":
        if numbers.isna().any():
            raise BadInput(f"{target[numbers.isna()].iloc[0]!r} is not a number", where=where)
        return numbers
    values = target.str.strip() if numbers.isna().any() else numbers
    if values.dtype.kind == "f" and (values % 1 == 0).all():
        values = values.astype(int)
    classes = sorted(values.unique().tolist())
    if len(classes) < 2 or (config.problem == "binary" and len(classes) != 2):
        few = ", ".join(map(repr, classes[:5]))
        raise BadInput(
            f"a {config.problem} problem cannot have {counted(len(classes), 'class', 'classes')} ({few})",
            where=where,
            todo="write problem: multiclass or regression, or name another target",
        )
    return values
