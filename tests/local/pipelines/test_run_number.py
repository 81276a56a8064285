"""Numbers of runs, as `name:` writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from isthmus.local.pipelines.run_number import run_number

NOW = datetime(2026, 3, 5, 14, 7, 9, tzinfo=UTC)
KNOWN = {
    "build.buildid": "752",
    "build.definitionname": "CIBuild",
    "system.teamproject": "Fabrikam",
    "v": "1.2",
}


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("", "20260305.4"),
        ("$(Date:yyyyMMdd)$(Rev:.r)", "20260305.4"),
        ("$(TeamProject)_$(BuildDefinitionName)_$(BuildID)$(rev:.rrr)", "Fabrikam_CIBuild_752.004"),
        ("$(DayOfMonth) $(DayOfYear) $(Month) $(Hours) $(Minutes) $(Seconds)", "5 64 3 14 7 9"),
        ("$(Year:yy)-$(Date:MM-dd)", "26-03-05"),
        ("v$(v) $(unknown)", "v1.2 $(unknown)"),
    ],
)
def test_each_documented_token(pattern: str, number: str) -> None:
    assert run_number(pattern, KNOWN, NOW, lambda prefix: 4) == number


def test_a_revision_counts_what_is_the_same_without_it() -> None:
    asked: list[str] = []
    run_number("a$(Rev:.r)", {}, NOW, lambda prefix: asked.append(prefix) or 1)
    assert asked == ["a"]
