"""The page of a comparison: nothing that callers sent, or a version is called, is HTML in it."""

from __future__ import annotations

from isthmus.compare.findings import Agreement, Findings, Seen, differences
from isthmus.compare.report import page
from tests.compare.test_findings import answer, asked, evidence
from tests.pages import require_trust_in_no_text


def written(text: str) -> str:
    """A page with all its parts, in which each text from outside is this one."""
    compare = asked("predictions", 0.1, "shadow")
    both = [answer(f"{n}", 1.0) for n in range(80)], [answer(f"{n}", 2.0) for n in range(80)]
    found, _ = differences(evidence(compare, *both, classes=[], metric=text))
    agreed = Agreement(80, 9, (0.1, 0.2, 0.3), [(text, text, text)])
    seen = Seen(text, 80, 80, 0), Seen(text, 80, 80, 2)
    return page(Findings(text, text, "2026-01-01T00:00:00+00:00", compare, *seen, found, agreed))


def test_no_text_makes_another_page() -> None:
    require_trust_in_no_text(written)
