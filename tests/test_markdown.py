"""What a stranger wrote stays text on our pages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.markdown import LONGEST, text


@given(st.text())
def test_whatever_was_written_is_one_line_without_markup(written: str) -> None:
    said = text(written)
    assert said.isprintable() and not set(said) & set("|`<>[]")
    assert len(said) == len(written) or len(said) == LONGEST


def test_words_stay_readable_and_what_is_cut_shows_it() -> None:
    assert text("auc 0.71 [0.68, 0.74]\n| <b>") == "auc 0.71 (0.68, 0.74) / (b)"
    assert text("a" * LONGEST) == "a" * LONGEST
    assert text("a" * (LONGEST + 1)).endswith("a…")
