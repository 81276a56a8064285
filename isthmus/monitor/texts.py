"""A column of texts, counted: each known category, and of all others a sample that no order changes.

The sample keeps the categories whose hashes are least (a k-minimum-values sketch): their counts are exact,
and from how dense the hashes lie follows how many different categories there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from isthmus.monitor import numbers
from isthmus.monitor.numbers import Numbers

# A category of its own has each of so many commonest texts.
LARGEST_DOMAIN = 50
# So many other categories are kept; their number is then known to 1/√k, 3 %.
SAMPLE = 1024
# A column whose commonest texts are fewer of its rows is prose: how long its texts are is counted too.
PROSE = 0.5
LAST_HASH = 2**64 - 1


@dataclass
class Texts:
    """One column's texts: the rows of each category of `domain`, `others` of any other, `missing` nulls.

    `sample` has other categories by their hash, each with its rows; `lengths` are those of prose.
    """

    domain: dict[str, int] = field(default_factory=dict)
    others: int = 0
    missing: int = 0
    sample: dict[int, tuple[str, int]] = field(default_factory=dict)
    lengths: Numbers | None = None

    kind = "text"

    @property
    def present(self) -> int:
        return sum(self.domain.values()) + self.others

    @property
    def n(self) -> int:
        return self.present + self.missing

    @property
    def completeness(self) -> float:
        return 1 - self.missing / self.n if self.n else 1.0

    @property
    def distinct(self) -> int:
        """How many different texts there are: exactly up to `SAMPLE` others, about as many beyond."""
        known = sum(1 for rows in self.domain.values() if rows)
        if len(self.sample) < SAMPLE:
            return known + len(self.sample)
        return known + round((SAMPLE - 1) / (max(self.sample) / LAST_HASH))

    def empty(self) -> Texts:
        """No rows, over the same categories."""
        lengths = self.lengths.empty() if self.lengths else None
        return Texts(dict.fromkeys(self.domain, 0), lengths=lengths)

    def add(self, column: pl.Series) -> None:
        """Count a column's rows."""
        texts = column.drop_nulls().cast(pl.String)
        self.missing += len(column) - len(texts)
        if not len(texts):
            return
        sizes = pl.DataFrame({"text": texts}).group_by("text").len("rows")
        known = pl.col("text").is_in(list(self.domain))
        for text, rows in sizes.filter(known).iter_rows():
            self.domain[text] += rows
        self._add_others(sizes.filter(~known))
        if self.lengths:
            self.lengths.add(texts.str.len_chars())

    def _add_others(self, sizes: pl.DataFrame) -> None:
        if not sizes.height:
            return
        self.others += int(sizes["rows"].sum())
        hashed = sizes.with_columns(hash=pl.col("text").hash(seed=0)).sort("hash").head(SAMPLE)
        self._merge({key: (text, rows) for text, rows, key in hashed.iter_rows()})

    def _merge(self, sample: dict[int, tuple[str, int]]) -> None:
        for key, (text, rows) in sample.items():
            self.sample[key] = (text, rows + self.sample.get(key, (text, 0))[1])
        if len(self.sample) > SAMPLE:
            self.sample = {key: self.sample[key] for key in sorted(self.sample)[:SAMPLE]}

    def __add__(self, other: Texts) -> Texts:
        """Both columns' rows; raises `ValueError` where their categories are not the same."""
        if list(self.domain) != list(other.domain):
            raise ValueError("only texts over the same categories add up")
        both = Texts(
            {text: rows + other.domain[text] for text, rows in self.domain.items()},
            self.others + other.others,
            self.missing + other.missing,
            dict(self.sample),
            self.lengths + other.lengths if self.lengths and other.lengths else None,
        )
        both._merge(other.sample)
        return both

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        told: dict[str, Any] = {"kind": self.kind, "domain": self.domain, "others": self.others}
        told |= {"missing": self.missing, "sample": [[key, *self.sample[key]] for key in sorted(self.sample)]}
        return told | ({"lengths": self.lengths.record()} if self.lengths else {})


def read(record: dict[str, Any]) -> Texts:
    """What `Texts.record` wrote."""
    sample = {key: (text, rows) for key, text, rows in record["sample"]}
    lengths = numbers.read(record["lengths"]) if "lengths" in record else None
    return Texts(record["domain"], record["others"], record["missing"], sample, lengths)


def around(column: pl.Series) -> Texts:
    """No rows yet, over the commonest categories of a column like this one."""
    texts = column.drop_nulls().cast(pl.String)
    sizes = pl.DataFrame({"text": texts}).group_by("text").len("rows")
    common = sizes.sort(["rows", "text"], descending=[True, False]).head(LARGEST_DOMAIN)
    prose = sizes.height > LARGEST_DOMAIN and common["rows"].sum() < PROSE * len(texts)
    lengths = numbers.around(texts.str.len_chars()) if prose else None
    return Texts(dict.fromkeys(sorted(common["text"].to_list()), 0), lengths=lengths)
