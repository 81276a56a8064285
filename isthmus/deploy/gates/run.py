"""Runs the gates that a deploy repository names, and writes their findings as JUnit test results."""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from isthmus import asking, names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.config.reading import place
from isthmus.deploy import comparison
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.package import read
from isthmus.deploy.repair import settled
from isthmus.errors import BadInput
from isthmus.serving import expect

Gate = Callable[[LiveEndpoint], list[Finding]]


@dataclass(frozen=True)
class Result:
    """One gate's findings, and how long it took in seconds."""

    gate: str
    findings: list[Finding]
    seconds: float

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


def live(platform: Platform, config: DeployConfig, assembly: Path, stage: Stage) -> LiveEndpoint | None:
    """The stage's endpoint, as the caller may ask it (the deploy role).

    None where the version gets copies of requests and answers nobody. Raises `Problem` unless the endpoint is
    in service with exactly the version of the assembly: a gate must not pass on another version's merits.
    """
    import boto3
    from botocore.config import Config

    package = read(assembly)
    if package.model != config.model:
        raise BadInput(
            f"the assembly is of {package.model}",
            where=f"{place(Path('deploy.yaml'), 'model')}: {config.model}",
        )
    session = boto3.Session(region_name=platform.region)
    sagemaker = session.client("sagemaker")
    serving = settled(sagemaker, package.model, stage)
    compared = comparison.read(assembly) if stage == comparison.STAGE else None
    if compared:
        expect(serving, compared.champion.arn, challenger=package.arn)
    else:
        expect(serving, package.arn)
    if serving.shadow:
        return None
    pool = Config(max_pool_connections=max(10, config.gates.concurrency))
    bucket = names.capture_bucket(platform, getattr(platform.accounts, stage))
    make: Any = session.client
    runtime = asking.runtime(lambda service: make(service, config=pool), serving, package.model, bucket)
    target = {"TargetVariant": names.CHALLENGER} if compared else serving.target
    return LiveEndpoint(runtime, serving.endpoint, config, assembly, sagemaker, target)


def unasked(gates: dict[str, Gate]) -> Iterator[Result]:
    """What is told of a version that cannot be asked."""
    for name in gates:
        why = "it gets copies of requests and its answers reach nobody; isthmus compare tells what they are"
        yield Result(name, [Finding.unknown("asks the version", why)], 0.0)


def find(folder: Path, only: Sequence[str]) -> dict[str, Gate]:
    """The gates in `folder` by name, or those named in `only`; raises `BadInput` for an unknown name."""
    files = {file.stem: file for file in sorted(folder.glob("*.py")) if not file.stem.startswith("_")}
    if not files:
        raise BadInput(
            "there are no gates", where=str(folder), todo="add gates/<name>.py with a function gate"
        )
    for name in only:
        if name not in files:
            raise BadInput(
                f"there is no gate {name!r}", where=str(folder), todo=f"one of: {', '.join(files)}"
            )
    return {name: _load(file) for name, file in files.items() if not only or name in only}


def _load(file: Path) -> Gate:
    spec = importlib.util.spec_from_file_location(f"gates.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BadInput("this gate cannot be imported", where=str(file))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(
            f"this gate cannot be loaded: {type(error).__name__}: {error}", where=str(file)
        ) from error
    if not callable(getattr(module, "gate", None)):
        raise BadInput("this gate has no function gate(endpoint)", where=str(file))
    gate: Gate = module.gate
    return gate


def run(gates: dict[str, Gate], endpoint: LiveEndpoint) -> Iterator[Result]:
    """Each gate's result, as it comes. A gate that breaks has failed, and so has one that finds nothing."""
    for name, gate in gates.items():
        started = time.perf_counter()
        try:
            findings = list(gate(endpoint))
        except Exception as error:  # noqa: BLE001  a team's gate may raise anything, and the others still count
            findings = [Finding("runs to its end", False, f"{type(error).__name__}: {error}")]
        if not findings:
            findings = [Finding("tests something", False, "the gate returned no finding")]
        yield Result(name, findings, time.perf_counter() - started)


def write(results: Sequence[Result], folder: Path, stage: str) -> Path:
    """Write JUnit test results, one suite a gate and one case a finding, with its plot attached.

    The agent's PublishTestResults@2 attaches what `[[ATTACHMENT|path]]` in a case's output names. What a
    model answered may stand there too, and names no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    xml = JUnitXml()
    for result in results:
        suite = TestSuite(f"{stage}: {result.gate}")
        for number, finding in enumerate(result.findings, 1):
            case = TestCase(finding.name, classname=result.gate, time=result.seconds / len(result.findings))
            case.system_out = re.sub(r"\[(?=\[)", "[ ", finding.message)
            if finding.plot is not None:
                picture = folder.resolve() / f"{stage}-{result.gate}-{number}.png"
                finding.plot(picture)
                case.system_out += f"\n[[ATTACHMENT|{picture}]]"
            if not finding.known:
                case.result = [Skipped(finding.message)]
            elif not finding.passed:
                case.result = [Failure(finding.message)]
            suite.add_testcase(case)
        xml.add_testsuite(suite)
    file = folder / f"gates-{stage}.xml"
    xml.write(str(file))
    return file
