"""What the checks of a pull request found, as the comment that people read on it.

Figures are of a sample, and the comment says so; what Azure DevOps' comment is made of, `azure.remarks` says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus import interval, names
from isthmus.azure import artifacts, prod, runs
from isthmus.azure.client import Client
from isthmus.azure.follow import MARKS, took
from isthmus.azure.runs import Run
from isthmus.build import sample
from isthmus.build.comparison import Comparison, compare
from isthmus.build.quality import Column, Quality, look
from isthmus.build.sample import Sample
from isthmus.config import ModelConfig
from isthmus.counting import counted
from isthmus.errors import BadInput, NotFound
from isthmus.interval import Interval
from isthmus.markdown import text

COLUMNS = 30
BESIDE_PROD = " in prod's data | PSI | by chance |"
TESTS = "&view=ms.vss-test-web.build-test-results-tab"


@dataclass(frozen=True)
class Checked:
    """What the comment says of the model of that name.

    `served` is the run that brought prod its version, `trouble` why none is known; `told` are the run's steps
    so far, each with its result and how long it took.
    """

    name: str
    run: Run
    told: tuple[str, ...]
    failures: tuple[str, ...]
    sample: Sample | None = None
    served: Run | None = None
    trouble: str = ""
    comparison: Comparison | None = None
    quality: Quality | None = None

    @property
    def version(self) -> str:
        """The version in prod, by its number."""
        arn = self.served.parameters.get("modelPackageArn", "") if self.served else ""
        return arn.rpartition("/")[2] or "?"


def checked(config: ModelConfig | BadInput, client: Client, number: int, but: str = "") -> Checked:
    """All of it, from the run of that number, from what its sample published, and from what prod serves.

    Where model.yaml cannot be read, what is wrong in it stands for its content. `but` is the id of a job
    whose steps are no checks.
    """
    run = runs.get(client, number)
    steps = (one for one in runs.timeline(client, number) if _is_done(one) and one["parentId"] != but)
    told, failures = tuple(map(_told, steps)), tuple(runs.failures(client, number))
    if isinstance(config, BadInput):
        return Checked(run.pipeline, run, told, failures or (config.in_a_line,))
    with tempfile.TemporaryDirectory() as folder:
        kept, prods = Path(folder, "kept"), Path(folder, "prod")
        found = _published(client, run, kept)
        if found is None or found.failure or not found.evaluation:
            return Checked(config.name, run, told, failures, found)
        served, trouble = _prod(client, config, prods)
        return Checked(
            config.name,
            run,
            told,
            failures,
            found,
            served,
            trouble,
            compare(config, found.evaluation, kept, prods) if served else None,
            look(config, kept, prods if served else None),
        )


def _published(client: Client, run: Run, folder: Path) -> Sample | None:
    """The sample of the newest attempt; None where none came so far."""
    attempts = [name for name in artifacts.named(client, run) if name.startswith(sample.ARTIFACT)]
    if not attempts:
        return None
    artifacts.lay(client, run, max(attempts, key=_attempt), folder)
    return sample.read(folder)


def _attempt(name: str) -> int:
    number = name.removeprefix(sample.ARTIFACT)
    return int(number) if number.isdecimal() else 0


def _prod(client: Client, config: ModelConfig, folder: Path) -> tuple[Run | None, str]:
    try:
        served = prod.fetch(client, names.deploy_pipeline(config.name), folder)
    except NotFound as problem:
        return None, problem.what
    return served, "" if served else "prod serves no version yet"


def _is_done(record: dict[str, Any]) -> bool:
    return (record["type"], record["state"]) == ("Task", "completed")


def _told(record: dict[str, Any]) -> str:
    mark = MARKS.get(record.get("result") or "", "")
    return f"{mark} {record['name']}{took(record)}"


def markdown(one: Checked) -> str:
    parts = (_head(one), _figures(one), _rows(one), _steps(one))
    return "\n\n".join(filter(None, map("\n".join, parts))) + "\n"


def _head(one: Checked) -> Iterator[str]:
    if one.sample is None or one.failures:
        yield f"## {one.name}: a check failed"
        yield ""
        yield from (f"- {text(line)}" for line in one.failures or ("the sample did not run",))
        return
    yield f"## {one.name}, on a sample: {text(one.sample.evaluation.get('verdict', 'not evaluated'))}"


def _figures(one: Checked) -> Iterator[str]:
    """The figures; each version's own, and those on the same rows where there are such."""
    if one.quality is None or one.sample is None:
        return
    mine, compared = one.sample.evaluation, one.comparison
    yield f"| {text(mine['metric'])} | value | {mine['confidence']:.0%} interval | rows |"
    yield "|---|---|---|---|"
    yield _figure("this change, on a sample", mine, mine["n"])
    if compared and compared.rows:
        yield _figure("… of these, those that prod's version has forecast too", compared.mine, compared.rows)
        yield _figure(f"version {one.version} in prod, on the same rows", compared.prods, compared.rows)
    elif compared:
        yield _figure(f"version {one.version} in prod, as registered", compared.prods, compared.prods["n"])
    better = "higher" if mine["higher_is_better"] else "lower"
    yield f"| bar; {better} is better | {mine['threshold']:g} | | |"
    yield ""
    yield _gain(one)


def _gain(one: Checked) -> str:
    found = one.comparison
    if found is None:
        return f"Not compared with prod: {text(one.trouble) or 'its metric or its target is another'}."
    if found.gain is None:
        return (
            f"Version {one.version} is not comparable: other rows, and this is a model of the sample only. "
            "The build compares on the same rows."
        )
    form = f"+{found.gain.form}"
    said = f"{found.gain.value:{form}} ({found.gain.ci_low:{form}} to {found.gain.ci_high:{form}})"
    over = f"version {one.version}, on the same {counted(found.rows, 'row')}"
    return f"Gain over {over}: {said}, {_verdict(found.gain)}."


def _verdict(gain: Interval) -> str:
    if gain.ci_low == gain.ci_high == 0:
        return "both forecast the same"
    if gain.is_noise:
        return "**inside noise**: chance alone may have made it"
    return "better beyond chance" if gain.value > 0 else "**worse beyond chance**"


def _rows(one: Checked) -> Iterator[str]:
    """What is noticed about the data."""
    found = one.quality
    if found is None:
        return
    doubled = f", {found.doubled} of them twice" if found.doubled else ""
    classes = ", ".join(f"{text(value)}: {rows}" for value, rows in found.target.items())
    untold = f", and {found.untold} more without a target, which are left out" if found.untold else ""
    yield f"**Data**: {counted(found.rows, 'row')}{doubled}{untold}" + (
        f"; target {classes}." if classes else "."
    )
    yield ""
    shown = sorted(found.columns, key=lambda each: -(each.drift.ratio if each.drift else 0))
    beside = any(each.missing_in_prod is not None or each.drift for each in shown)
    head = f"| feature | missing |{BESIDE_PROD if beside else ''} noticed |"
    yield head
    yield f"|{'---|' * (head.count('|') - 1)}"
    yield from (_column(each, beside) for each in shown[:COLUMNS])
    if len(shown) > COLUMNS:
        yield f"\nand {len(shown) - COLUMNS} more features."


def _column(one: Column, beside: bool) -> str:
    """One feature; `beside` those of prod's data where there are such."""
    before = "" if one.missing_in_prod is None else f"{one.missing_in_prod:.1%}"
    moved = f"{one.drift.psi:.2f} | {one.drift.chance:.2g}" if one.drift else " | "
    compared = f" {before} | {moved} |" if beside else ""
    noticed = [
        "has one value only" if one.is_constant else "",
        "hardly repeats a text, so as a category it tells little" if one.is_scattered else "",
        "has moved" if one.drift and one.drift.ratio > 1 else "",
    ]
    return f"| {text(one.name)} | {one.missing:.1%} |{compared} {', '.join(filter(None, noticed))} |"


def _steps(one: Checked) -> Iterator[str]:
    yield f"**Steps**: {'; '.join(map(text, one.told))}."
    yield ""
    links = [f"[run {one.run.id}]({one.run.url})", f"[tests]({one.run.url}{TESTS})"]
    if one.served:
        links.append(f"[run {one.served.id}, which brought prod its version]({one.served.url})")
    yield f"Of commit {one.run.commit[:8]}: {', '.join(links)}."


def _figure(name: str, one: Any, rows: int) -> str:
    return f"| {' | '.join((name, *interval.read(one).cells))} | {rows} |"
