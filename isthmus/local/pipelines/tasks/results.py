"""PublishTestResults@2, for JUnit files."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from isthmus.local.pipelines.matching import find_files
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.task import Task


def _publish(step: Running) -> None:
    folder = step.folder("searchFolder")
    patterns = step.input("testResultsFiles", "**/TEST-*.xml").splitlines()
    files = find_files(folder, patterns)
    if not files:
        message = f"no test result files match {patterns} in {folder}"
        if step.flag("failTaskOnMissingResultsFile"):
            raise StepFailed(message)
        step.warn(message)
        return
    title = step.input("testRunTitle") or step.job.record.name
    step.job.host.publish_tests(step.record.id, title, files)
    total, failed = _counts(files)
    step.log(f"Published {total} test results from {len(files)} files; {failed} failed")
    if failed and step.flag("failTaskOnFailedTests"):
        raise StepFailed(f"{failed} of {total} tests failed")


def _counts(files: list[Path]) -> tuple[int, int]:
    total = failed = 0
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()  # noqa: S314 - a step of this run wrote it
        except ElementTree.ParseError as error:
            raise StepFailed(f"{file} is not XML: {error}") from None
        for case in root.iter("testcase"):
            total += 1
            failed += case.find("failure") is not None or case.find("error") is not None
    return total, failed


def _only_junit(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    kind = inputs.get("testresultsformat") or inputs.get("testrunner") or "JUnit"
    if kind.lower() != "junit":
        raise broken(f"test results of the format {kind!r} cannot be published here", step.at, "use JUnit")


PUBLISH_TEST_RESULTS = Task(
    _publish,
    (
        "testResultsFormat",
        "testRunner",
        "testResultsFiles",
        "searchFolder",
        "mergeTestResults",
        "failTaskOnFailedTests",
        "failTaskOnFailureToPublishResults",
        "failTaskOnMissingResultsFile",
        "testRunTitle",
        "buildPlatform",
        "buildConfiguration",
        "publishRunAttachments",
    ),
    check=_only_junit,
)
