"""Steps of a run as JUnit test results, which Azure Pipelines shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from junitparser import Failure, JUnitXml, TestCase, TestSuite

from isthmus.executor.sample import StepResult


def write(file: Path, suite: str, steps: Sequence[StepResult]) -> None:
    """One test case a step, failed where the step failed and was not the verdict itself."""
    results = TestSuite(suite)
    for step in steps:
        case = TestCase(step.name, classname=suite, time=step.seconds)
        if step.status == "Failed" and step.type != "Fail":
            case.result = [Failure(step.reason or "failed")]
        results.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(results)
    file.parent.mkdir(parents=True, exist_ok=True)
    xml.write(str(file))
