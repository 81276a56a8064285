"""PublishCodeCoverageResults: how much of the code the tests cover, from Cobertura's summary."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from isthmus.local.pipelines.matching import find_files
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.task import Task


def _publish(step: Running) -> None:
    patterns = [str(step.job.sources / line) for line in step.input("summaryFileLocation").splitlines()]
    files = find_files(step.job.sources, patterns)
    if not files:
        message = f"no coverage file matches {step.input('summaryFileLocation')!r}"
        if step.flag("failIfCoverageEmpty") or step.flag("failIfCoverageIsEmpty"):
            raise StepFailed(message)
        step.warn(message)
    for file in files:
        step.log(f"{file.name}: {_rate(file)}")


def _rate(file: Path) -> str:
    try:
        root = ElementTree.parse(file).getroot()  # noqa: S314 - a step of this run wrote it
    except ElementTree.ParseError as error:
        raise StepFailed(f"{file} is not XML: {error}") from None
    rate = root.get("line-rate")
    return f"{float(rate):.1%} of lines covered" if rate else "no line rate in it"


COVERAGE = Task(
    _publish,
    (
        "codeCoverageTool",
        "summaryFileLocation",
        "pathToSources",
        "reportDirectory",
        "additionalCodeCoverageFiles",
        "failIfCoverageEmpty",
        "failIfCoverageIsEmpty",
    ),
    required=("summaryFileLocation",),
)
