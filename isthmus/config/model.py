"""model.yaml: what is learned from which columns, and how good is good enough."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from isthmus.config.fields import InstanceType, Misfit, ModelName, Strict, again
from isthmus.counting import counted
from isthmus.errors import did_you_mean

Metric = Literal["auc", "accuracy", "f1_macro", "log_loss", "rmse", "mae", "r2"]
LOWER_IS_BETTER = ("log_loss", "rmse", "mae")


class Window(Strict):
    """The latest rows, so many or of so many days."""

    days: int | None = Field(default=None, ge=1, le=36500)
    rows: int | None = Field(default=None, ge=20)

    @model_validator(mode="after")
    def _one(self) -> Window:
        if (self.days is None) == (self.rows is None):
            raise ValueError("give days or rows, such as {days: 365}")
        return self

    def __str__(self) -> str:
        return counted(self.days, "day") if self.days else counted(self.rows or 0, "row")


class Data(Strict):
    source: str = Field(description="A CSV file beside model.yaml, or s3://bucket/key.")
    time: str | None = Field(default=None, description="The column that orders the rows, if any.")
    window: Window | None = Field(
        default=None, description="Learn from the latest rows by the time column only; else from all."
    )
    separator: str = Field(default=",", min_length=1, max_length=1)
    columns: list[str] = Field(default=[], description="The columns' names, where the file has no header.")
    missing: list[str] = Field(
        default=["?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"],
        description="What stands for no value, beside an empty cell.",
    )
    types: dict[str, Literal["number", "text"]] = Field(
        default={}, description="What features hold, where it is not what the rows of the source show."
    )

    @field_validator("source")
    @classmethod
    def _stays_in_the_repository(cls, source: str) -> str:
        path = PurePosixPath(source)
        outside = path.is_absolute() or ".." in path.parts or not path.parts or not source.isprintable()
        if not _OBJECT.match(source) and (outside or "://" in source or "\\" in source):
            raise ValueError("name a file in the repository, such as data/rows.csv, or s3://bucket/key")
        return source

    @model_validator(mode="after")
    def _window_has_a_time(self) -> Data:
        if self.window and not self.time:
            raise ValueError("window: the latest rows are those by data.time: name that column")
        return self


_OBJECT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^/\s]\S*$")


class DataSets(Strict):
    """What a data set is that lands for the model; only for models with `landing` in platform.yaml."""

    files: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9._=*?-]{1,100}$")]] = Field(
        default=["*"], min_length=1, max_length=50, description="Patterns that a file's name fits."
    )
    complete: Literal["marker", "files"] = Field(
        default="marker",
        description="A data set is complete when `_SUCCESS` has landed after its files, "
        "or when each pattern has its file.",
    )
    fewest_rows: int = Field(default=1, ge=1, description="Of each file.")
    most_missing: float = Field(default=0.5, ge=0, lt=1, description="Share of empty cells in a column.")


class Evaluation(Strict):
    metric: Metric
    threshold: float
    holdout: float = Field(
        default=0.25, gt=0, lt=1, description="Share of rows that a version is judged on: the latest."
    )
    folds: int = Field(
        default=4, ge=1, le=50, description="Blocks of those rows; each is predicted from all rows before it."
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    below_bar: Literal["fail", "pass"] = "fail"
    challenger: Literal["beat", "no_worse"] = "beat"

    @property
    def higher_is_better(self) -> bool:
        return self.metric not in LOWER_IS_BETTER


class Compute(Strict):
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1, le=20)
    volume_gb: int = Field(default=30, ge=1)
    max_minutes: int = Field(default=60, ge=1)


class ModelConfig(Strict):
    """model.yaml: what is learned from which columns, and how good is good enough."""

    name: ModelName
    image: str = Field(default="isthmus/tabular:1", description="repository:tag in the automation account.")
    problem: Literal["binary", "multiclass", "regression"]
    data: Data
    target: str
    features: list[str] = Field(min_length=1)
    facets: list[str] = Field(
        default=[],
        description="Columns by whose values nobody may be treated worse; they need not be features.",
    )
    evaluation: Evaluation
    compute: Compute = Compute()
    landing: DataSets = DataSets()
    hyperparameters: dict[str, str | int | float] = Field(default={})

    @model_validator(mode="after")
    def _fits_together(self) -> ModelConfig:
        fitting = METRICS[self.problem]
        if self.evaluation.metric not in fitting:
            raise Misfit(
                f"metric {self.evaluation.metric} does not judge a {self.problem} problem; "
                f"one of {', '.join(fitting)} does",
                "evaluation",
                "metric",
            )
        for kind, columns in (("features", self.features), ("facets", self.facets)):
            for at, name in again(columns):
                raise Misfit(f"{kind.removesuffix('s')} {name} stands twice", kind, at)
            if self.target in columns:
                raise Misfit(f"the target {self.target} is among the {kind}", "target")
        for name in self.data.types:
            if name not in self.features:
                near = did_you_mean(name, self.features)
                raise Misfit(f"data.types: {name} is not among the features{near}", "data", "types", name)
        return self


METRICS = {
    "binary": ("auc", "log_loss", "accuracy", "f1_macro"),
    "multiclass": ("accuracy", "f1_macro"),
    "regression": ("rmse", "mae", "r2"),
}
