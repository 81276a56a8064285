"""What an approver judges a version by, on one page of Markdown: figures beside the champion's, and lineage.

It says only what the build recorded; where nothing was recorded it says that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus import interval
from isthmus.config import Platform
from isthmus.errors import Problem
from isthmus.markdown import text
from isthmus.operate.lineage import NONE, ORIGIN
from isthmus.operate.pending import run_link
from isthmus.operate.registry import Version

if TYPE_CHECKING:
    from isthmus.azure.test_results import Result

OUTCOMES = {"Failed": "**Failed**", "NotExecuted": "not tested"}


@dataclass(frozen=True)
class Tested:
    """What the gates found in the run that brought the version to staging, or why that is not known."""

    run: str = ""
    results: Sequence[Result] = ()
    why_not: str = ""


def tested(platform: Platform, version: Version) -> Tested:
    """Asked of Azure DevOps, as whoever is signed in there."""
    from isthmus.azure.client import connect
    from isthmus.azure.test_results import of_run

    run = version.metadata.get("staging_run_id", "")
    if not run.isdecimal():
        return Tested(why_not="no run is recorded that deployed it to staging")
    try:
        return Tested(run, of_run(connect(platform), int(run)))
    except Problem as problem:
        return Tested(run, why_not=problem.what)


def page(
    platform: Platform,
    version: Version,
    found: Mapping[str, Any],
    moved: Sequence[Mapping[str, Any]] = (),
    seconds: Mapping[str, float] | None = None,
    unreadable: Sequence[str] = (),
    tests: Tested = Tested(why_not="they were not asked for"),
) -> str:
    """The whole page: `found` is evaluation.json and `moved` training_drift.json, as `judgement` reads them.

    `seconds` is how long each job of a build took; `unreadable` says why something could not be read;
    `tests` is what the gates of staging found.
    """
    parts = (
        _head(version, found, unreadable),
        _figures(version, found),
        _slices(found),
        _rows(found),
        _moved(moved),
        _tests(platform, tests),
        _cost(platform, found, seconds or {}),
        _origin(platform, version),
        *(() if version.status == "Approved" else (_how(version),)),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(version: Version, found: Mapping[str, Any], unreadable: Sequence[str]) -> Iterator[str]:
    yield f"# Version {version.number} of {version.model}"
    yield ""
    decided = f", decided by {version.decided_by}" if version.decided_by else ""
    if version.automatic:
        decided = " by a rule and no person"
    yield f"{version.status}{decided}. {text(found.get('verdict', ''))}".rstrip()
    for why in unreadable:
        yield ""
        yield f"**Not readable:** {text(why)}"
    if version.comment:
        yield ""
        yield f"> {text(version.comment)}"
    if version.is_shadow:
        yield ""
        yield "A shadow: it was trained because inputs drifted, and waits for nobody."


def _figures(version: Version, found: Mapping[str, Any]) -> Iterator[str]:
    """This version beside the one in prod, each with its interval; the gain is of the same rows."""
    yield "## Figures"
    yield ""
    own = found if "value" in found else version.metric
    if not own:
        yield "No metric is recorded."
        return
    yield f"| | {text(own['metric'])} | interval |"
    yield "|---|---|---|"
    yield _figure("this version", own)
    champion = found.get("champion") or {}
    if champion.get("ci_high") is not None:
        yield _figure(f"in prod: {_short(champion['model_package_arn'])}", champion)
    yield f"| bar | {own['threshold']:.12g} | |"
    yield ""
    yield from _gain(version, champion)


def _gain(version: Version, champion: Mapping[str, Any]) -> Iterator[str]:
    if version.gain is None:
        trouble = text(champion.get("trouble") or "")
        yield f"Not compared with the version in prod: {trouble or 'there was none'}."
        return
    yield f"{str(version.gain).capitalize()}."
    if version.gain.is_noise:
        yield "**The gain is inside noise**: chance alone may have made it."


def _slices(found: Mapping[str, Any]) -> Iterator[str]:
    """Each part of the judged rows; one in twenty lies aside by chance, so none is called bad here."""
    yield "## Slices"
    yield ""
    if small := found.get("small_groups"):
        of_class = ", or too few of a class," if found.get("metric") in ("auc", "f1_macro") else ""
        yield f"{small} groups had fewer than {found.get('fewest_rows')} rows{of_class} and are left out."
        yield ""
    if not found.get("slices"):
        yield "No part of the judged rows has enough of them to be told." if found else "They cannot be read."
        return
    yield f"| of the judged rows | rows | {text(found['metric'])} | interval | |"
    yield "|---|---|---|---|---|"
    for one in found["slices"]:
        aside = "" if one["ci_low"] <= found["value"] <= one["ci_high"] else _aside(one, found)
        yield (f"{_figure(text(one['slice']), one, one['n'])} {aside} |")


def _aside(one: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    better = (one["value"] > found["value"]) == bool(found.get("higher_is_better", True))
    return "better than the whole" if better else "**worse than the whole**"


def _moved(moved: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Training rows beside those of the version in prod"
    yield ""
    if not moved:
        yield "Not compared: there was no version in prod, or its build did not write it down."
        return
    yield "| feature | PSI | by chance | |"
    yield "|---|---|---|---|"
    for one in moved:
        far = "**moved**" if one["drifted"] else ""
        yield f"| {text(one['feature'])} | {one['psi']:.2f} | {one['chance']:.2g} | {far} |"


def _tests(platform: Platform, tests: Tested) -> Iterator[str]:
    """What the gates found, those that failed first; what passed stands together."""
    yield "## Tests of its deployment"
    yield ""
    if not tests.results:
        yield f"Not known: {text(tests.why_not or f'run {tests.run} has published none')}."
        return
    failed = sum(one.outcome == "Failed" for one in tests.results)
    unknown = sum(one.outcome == "NotExecuted" for one in tests.results)
    untested = f", {unknown} not tested," if unknown else ""
    where = f"[run {tests.run}]({run_link(platform, tests.run)})"
    yield f"{failed} of {len(tests.results)} failed{untested} in {where}."
    yield ""
    yield "| test | | |"
    yield "|---|---|---|"
    passed: dict[str, list[str]] = {}
    for one in tests.results:
        if one.outcome == "Passed":
            passed.setdefault(one.suite, []).append(one.name)
            continue
        outcome = OUTCOMES.get(one.outcome, text(one.outcome))
        message = text(one.message.removeprefix("not tested: "))
        yield f"| {text(one.suite)}: {text(one.name)} | {outcome} | {message} |"
    for suite, names in passed.items():
        yield f"| {text(suite)}: {text(', '.join(names))} | {len(names)} passed | |"


def _cost(platform: Platform, found: Mapping[str, Any], seconds: Mapping[str, float]) -> Iterator[str]:
    """Job seconds times the price of the machine, where platform.yaml says that; no price is guessed."""
    yield "## What its build cost"
    yield ""
    if not seconds:
        yield "How long its jobs took is not known here, or not any more."
        return
    told = ", ".join(f"{text(name)} {each:.0f} s" for name, each in seconds.items())
    yield f"- jobs: {told}; with their start, which is not billed"
    compute = found.get("compute") or {}
    machine, count = str(compute.get("instance_type", "")), int(compute.get("instance_count", 1))
    price = platform.prices.get(machine)
    if price is None:
        yield f"- cost: unknown: platform.yaml, prices, names no price of {text(machine or 'its machine')}"
        return
    cost = sum(seconds.values()) * count * price / 3600
    yield f"- cost: at most {cost:.2g} on {count} {machine} at {price:g} an hour"


def _rows(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Judged on"
    yield ""
    if "rows" not in found:
        yield "The evaluation cannot be read."
        return
    yield f"- {found['n']} rows that the judged models were not trained on, of {found['rows']}"
    yield f"- confidence of the intervals: {found['confidence']:g}"
    yield f"- target `{text(found['target'])}`; features: {', '.join(map(text, found['features']))}"


def _origin(platform: Platform, version: Version) -> Iterator[str]:
    yield "## Where it came from"
    yield ""
    for key, label in ORIGIN.items():
        value = version.metadata.get(key, "")
        if value not in ("", NONE):
            yield f"- {label}: `{text(value)}`"
    run = version.metadata.get("run_id", "")
    if run.isdecimal():
        yield f"- its tests, steps and durations: {run_link(platform, run)}"
    yield f"- execution: `{version.execution or 'not recorded'}`"
    yield f"- image: `{version.image or 'not recorded'}`"
    yield f"- version: `{version.arn}`"


def _how(version: Version) -> Iterator[str]:
    yield "## How to decide"
    yield ""
    yield f"- `isthmus approve {version.model} {version.number} --comment WHY`"
    yield f"- `isthmus reject {version.model} {version.number} --comment WHY`"


def _figure(name: str, one: Mapping[str, Any], *cells: object) -> str:
    return f"| {' | '.join(map(str, (name, *cells, *interval.read(one).cells)))} |"


def _short(arn: str) -> str:
    return text(arn.partition(":model-package/")[2] or arn)
