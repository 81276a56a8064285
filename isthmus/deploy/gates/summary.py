"""What the gates found, as a page for the run's summary in Azure Pipelines (Markdown)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.markdown import text

if TYPE_CHECKING:
    from isthmus.deploy.gates.run import Result


def page(results: Sequence[Result], stage: str) -> str:
    """A table of all findings, those that failed first."""
    findings = [(result.gate, finding) for result in results for finding in result.findings]
    failed = sum(not finding.passed for _, finding in findings)
    unknown = sum(not finding.known for _, finding in findings)
    title = f"{failed} of {len(findings)} findings failed" if failed else f"{len(findings) - unknown} passed"
    title += f", {unknown} not tested" if unknown else ""
    rows = [
        f"| {finding.mark} | {gate} | {text(finding.name)} | {text(finding.message)} |"
        for gate, finding in sorted(findings, key=lambda one: one[1].passed)
    ]
    head = [f"## Gates of {stage}: {title}", "", "| | gate | finding | |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, "", "Plots are attached to the test results (tab *Tests*)."]) + "\n"


def write(results: Sequence[Result], folder: Path, stage: str) -> Path:
    file = folder / f"gates-{stage}.md"
    file.write_text(page(results, stage))
    return file
