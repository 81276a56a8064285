"""A column of texts, counted: each known category, and of all others a sample that no order changes.

The sample keeps the categories whose hashes are least (a k-minimum-values sketch): their counts are exact,
and from how dense the hashes lie follows how many different categories there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from isthmus.monitor import numbers
from isthmus.monitor.cells import Counts
from isthmus.monitor.numbers import Numbers

# A category of its own has each of so many commonest texts.
LARGEST_DOMAIN = 50
# Where each category has so many rows, there are as good as no others; else half of the rows choose.
FEWEST_ROWS = 5
# So many other categories are kept; their number is then known to 1/√k, 3 %.
SAMPLE = 1024
# A column whose commonest texts are fewer of its rows is prose: how long its texts are is counted too, and a
# word of each.
PROSE = 0.5
# Where no spaces stand between words, a character of Chinese counts as one, and a pair of others.
PAIRED = r"\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"\p{{Han}}|[{PAIRED}]{{1,2}}|[\p{{L}}\p{{M}}--\p{{Han}}{PAIRED}]+"
LAST_HASH = 2**64 - 1


@dataclass
class Texts:
    """One column's texts: the rows of each category of `domain`, `others` of any other, `missing` nulls.

    `sample` has other categories by their hash, each with its rows; `lengths` are those of prose,
    and `words` has one word of each of its rows. `held_out` has, where not all categories are known, those
    rows that had no say in which ones are in `domain`.
    """

    domain: dict[str, int] = field(default_factory=dict)
    others: int = 0
    missing: int = 0
    sample: dict[int, tuple[str, int]] = field(default_factory=dict)
    lengths: Numbers | None = None
    words: Texts | None = None
    held_out: Texts | None = None

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
        words = self.words.empty() if self.words else None
        return Texts(dict.fromkeys(self.domain, 0), lengths=lengths, words=words)

    def add(self, column: pl.Series) -> None:
        """Count a column's rows."""
        texts = column.drop_nulls().cast(pl.String)
        self.missing += len(column) - len(texts)
        if not len(texts):
            return
        sizes = _sizes(texts)
        known = pl.col("text").is_in(list(self.domain))
        for text, rows in sizes.filter(known).iter_rows():
            self.domain[text] += rows
        self._add_others(sizes.filter(~known))
        if self.lengths:
            self.lengths.add(texts.str.len_chars())
        if self.words:
            self.words.add(a_word_each(texts))

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
            self.words + other.words if self.words and other.words else None,
        )
        both._merge(other.sample)
        return both

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        told: dict[str, Any] = {"kind": self.kind, "domain": self.domain, "others": self.others}
        told |= {"missing": self.missing, "sample": [[key, *self.sample[key]] for key in sorted(self.sample)]}
        parts = {"lengths": self.lengths, "words": self.words, "held_out": self.held_out}
        return told | {name: part.record() for name, part in parts.items() if part}


def read(record: dict[str, Any]) -> Texts:
    """What `Texts.record` wrote."""
    sample = {key: (text, rows) for key, text, rows in record["sample"]}
    lengths = numbers.read(record["lengths"]) if "lengths" in record else None
    # An older baseline has neither.
    words, held_out = (read(record[name]) if name in record else None for name in ("words", "held_out"))
    return Texts(record["domain"], record["others"], record["missing"], sample, lengths, words, held_out)


def around(column: pl.Series) -> Texts:
    """No rows yet, over the commonest categories of a column like this one."""
    texts = column.drop_nulls().cast(pl.String)
    sizes = _sizes(texts)
    common = sizes["rows"].top_k(LARGEST_DOMAIN)
    found = _over(sizes)
    if sizes.height > LARGEST_DOMAIN and common.sum() < PROSE * len(texts):
        found.lengths = numbers.around(texts.str.len_chars())
        found.words = _over(_sizes(a_word_each(texts)))
    return found


def _sizes(texts: pl.Series) -> pl.DataFrame:
    """Each different `text`, and its `rows`."""
    return pl.DataFrame({"text": texts}).group_by("text").len("rows")


def _over(sizes: pl.DataFrame) -> Texts:
    """No rows yet, over the commonest of these texts."""
    sizes = sizes.sort("text")
    rows = sizes["rows"].to_numpy().astype(np.int64)
    known = len(rows) <= LARGEST_DOMAIN and bool((rows >= FEWEST_ROWS).all())
    chose = rows if known else _half(rows)
    common = np.sort(np.argsort(-chose, kind="stable")[:LARGEST_DOMAIN])
    common = common[chose[common] > 0]
    texts = sizes["text"].gather(common).to_list()
    found = Texts(dict.fromkeys(texts, 0))
    if not known:
        held_out = rows - chose
        counts = held_out[common].tolist()
        found.held_out = Texts(dict(zip(texts, counts, strict=True)), int(held_out.sum()) - sum(counts))
    return found


def _half(rows: Counts) -> Counts:
    """Half of all rows, drawn by chance: every second one would be of one kind where two take turns.

    The same rows in any order give the same half, and others another: with one seed for all the draw would
    lean the same way each time.
    """
    random = np.random.default_rng(rows.astype(np.uint32))
    return random.multivariate_hypergeometric(rows, int(rows.sum()) // 2)


def a_word_each(texts: pl.Series) -> pl.Series:
    """Of each text one of its words, in small letters, and nothing of one without: numbers are no words.

    The words of a row are not independent of each other, and a test needs rows that are: so only one counts,
    and the text's hash says which.
    """
    words = texts.str.to_lowercase().str.extract_all(WORD)
    number = words.list.len().cast(pl.UInt64)
    place = texts.hash(seed=0) % number.clip(lower_bound=1)
    return words.list.get(place.cast(pl.Int64), null_on_oob=True).fill_null("")
