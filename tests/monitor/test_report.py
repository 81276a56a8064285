"""The report's page: nothing that came with the data is HTML in it."""

from __future__ import annotations

import polars as pl

from isthmus.interval import Interval
from isthmus.monitor.baseline import count, describe
from isthmus.monitor.bias import AFTER_TRAINING, BEFORE_TRAINING
from isthmus.monitor.findings import BiasMetric, Drift, Explained, Findings, Quality, SetAside
from isthmus.monitor.report import STATISTICS, page
from tests.pages import require_trust_in_no_text


def written(text: str) -> str:
    """A page with all its parts, in which each text that data can bring is this one."""
    distances = dict.fromkeys(STATISTICS, 0.5)
    found = Findings(
        text,
        text,
        version=3,
        since=text,
        made="2026-11-27T07:10:00+00:00",
        rows=9,
        bad_lines=1,
        drift=[Drift(name, "psi", distances, {}, 0.2, 0.001, 0.05) for name in (text, f"{text} 2")],
        quality=Quality(text, Interval(0.7, 0.6, 0.8), Interval(0.5, 0.4, 0.6), 9, 2.0),
        violations=[
            {"feature_name": text, "constraint_check_type": text, "description": text}  # type: ignore[list-item]
        ],
        set_aside=[SetAside(text, 1, text)],
        labels_twice={text: [text, text]},
        bias=[BiasMetric(text, text, name, 0.5, 0.1, 2.0) for name in (*BEFORE_TRAINING, *AFTER_TRAINING)],
        explained=Explained({text: 0.5}, {text: 0.1}, 0.5, 0.9, 9),
    )
    told, numbers = pl.Series([text, "b", text, None]), pl.Series([1.0, 2.0, 3.0])
    before = {text: describe(told), f"{text} 2": describe(numbers)}
    return page(found, before, before)


def test_no_text_makes_another_page() -> None:
    require_trust_in_no_text(written)


def test_a_reader_sees_from_what_to_what_a_feature_moved() -> None:
    before = {"age": describe(pl.Series([1.0, 2.0, 3.0])), "kind": describe(pl.Series(["a", "a", "b"]))}
    now = {
        "age": count(pl.Series([8.0, None]), before["age"]),
        "kind": count(pl.Series(["new", "new", "a", None]), before["kind"]),
    }
    distances = dict.fromkeys(STATISTICS, 0.5)
    drift = [Drift(name, "psi", distances, {}, 0.2, 0.001, 0.05) for name in before]
    found = Findings("m", "prod", 3, "2026-11-01", "2026-11-27T07:10:00+00:00", 4, 0, drift)
    made = page(found, before, now)
    assert (
        'mean <span class="moved">2</span> → <span class="moved">8</span>' in made
        and "missing 0.00% → 50.00%" in made
    )
    assert (
        '&#x27;a&#x27; 67%</span> → <span class="moved">&#x27;new&#x27; 67%' in made
        and "missing 0.00% → 25.00%" in made
    )
    assert "<span>under 1</span><span>above 3</span>" in made and "<span>a</span><span>others</span>" in made


def test_a_feature_of_prose_is_one_feature_however_many_columns_it_is_judged_by() -> None:
    prose = describe(pl.Series([f"case {number} is closed" for number in range(200)]))
    baseline = {"note": prose, "age": describe(pl.Series([1.0, 2.0]))}
    drift = [
        Drift(name, "psi", dict.fromkeys(STATISTICS, far), {}, 0.2, 0.001, 0.05)
        for name, far in (("note (characters)", 0.5), ("note (words)", 0.5), ("note", 0.1), ("age", 0.1))
    ]
    found = Findings("m", "prod", 3, "2026-11-01", "2026-11-27T07:10:00+00:00", 9, 0, drift)
    assert '<b class="bad">1 of 2</b>features drifted' in page(found, baseline, baseline)
