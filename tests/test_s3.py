"""URIs of S3 objects, whose keys may hold what in a URL would begin something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.s3 import split_uri


@given(st.text(min_size=1).filter(lambda key: not key.startswith("/")))
def test_any_key_is_kept_whole(key: str) -> None:
    assert split_uri(f"s3://bucket/{key}") == ("bucket", key)


@pytest.mark.parametrize("text", ["", "/evaluation.json", "data/rows.csv", "https://bucket/key", "s3://"])
def test_what_names_no_bucket_gives_none(text: str) -> None:
    assert split_uri(text)[0] == ""
