"""What the operating commands print for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from isthmus import interval, names
from isthmus.counting import counted
from isthmus.operate.age import written
from isthmus.operate.table import Column, show

if TYPE_CHECKING:
    from isthmus.agreement import Difference
    from isthmus.azure.approvals import Approval
    from isthmus.azure.runs import Run
    from isthmus.operate.captures import Captured
    from isthmus.operate.data_objects import DataObject
    from isthmus.operate.dead_letters import DeadLetter
    from isthmus.operate.devops import Said
    from isthmus.operate.endpoints import Endpoint
    from isthmus.operate.hops import Hop
    from isthmus.operate.lineage import Deployment, Lineage
    from isthmus.operate.pending import Waiting
    from isthmus.operate.registry import Version

LATEST = 10
# So much of a correlation id tells one event from another, and `isthmus events --correlation-id` takes it.
ENOUGH = 8
STATUS = {"PendingManualApproval": "pending"}


def as_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1))


ENDPOINTS = tuple(map(Column, ("model", "stage", "status", "version", "run", "since", "kind")))
RUNS = (Column("run"), Column("pipeline", 20), Column("result"), Column("for", 12), Column("queued"))


def status(
    running: Sequence[Endpoint], waiting: Sequence[Version], said: Said, missing: Sequence[str]
) -> None:
    """What runs where, what waits for whom and how it is decided, and the latest runs."""
    show(ENDPOINTS, [_endpoint(one) for one in running], none="there are no models")
    _without_stack(missing)
    click.echo()
    for version in waiting:
        click.echo(f"{version.name} waits for an approver{_judged(version)}")
        click.echo(f"  do: isthmus approve {version.model} {version.number}")
    for run, of_run in _by_run(said.pending).items():
        _gate(run, of_run)
    if said.problem:
        click.echo(said.why_not)
        return
    if not waiting and not said.pending:
        click.echo("nothing waits for anybody")
    click.echo()
    show(RUNS, [_run(one) for one in said.runs[:LATEST]], none="no model's pipeline has run yet")


def _without_stack(models: Sequence[str]) -> None:
    for model in models:
        click.echo(f"{model}: no stack yet")
    if models:
        click.echo("  do: isthmus infra deploy, after isthmus infra synth")


def differences(found: Sequence[Difference]) -> None:
    """Each in a line, with what mends it."""
    for one in found:
        click.echo(f"{one.about}: {one.what}")
        click.echo(f"  do: {one.do}")
    if not found:
        click.echo("nothing differs between the registry, the runs and the endpoints")


def _endpoint(one: Endpoint) -> list[str]:
    by = one.kind if one.model_package_arn else ""
    version, since = short(one.model_package_arn), moment(one.since)
    if one.challenger:
        version += f", {'mirrored to' if one.shadow else 'beside'} {one.challenger}"
    return [one.model, one.stage, one.status, version, one.run_id, since, by]


def _run(one: Run) -> list[str]:
    return [str(one.id), one.pipeline, _result(one), one.requested_for, moment(one.queued)]


def _judged(version: Version) -> str:
    found = [metric(version.metric), str(version.gain or "")]
    return "".join(f"\n  {one}" for one in found if one)


def _by_run(pending: Sequence[Approval]) -> dict[int, list[Approval]]:
    found: dict[int, list[Approval]] = {}
    for one in pending:
        found.setdefault(one.run, []).append(one)
    return found


def _gate(run: int, pending: Sequence[Approval]) -> None:
    """What a run waits for: the environment and the service connection ask the same people, at once."""
    people = ", ".join(sorted({person for one in pending for person in one.approvers}))
    click.echo(f"run {run} of {pending[0].pipeline} waits for {people}")
    for about in sorted({one.about for one in pending}):
        click.echo(f"  {about}")
    click.echo(f"  do: isthmus azure approve {run}")


def pending(found: Sequence[Waiting], said: Said, missing: Sequence[str]) -> None:
    """Each decision with what it is judged by, who may take it, and the command and the page to take it."""
    _without_stack(missing)
    for one in found:
        click.echo(f"{one.name} has waited {written(one.age)} for {', '.join(one.approvers)}{_what(one)}")
        click.echo(f"  do: {one.do}")
        if one.link:
            click.echo(f"  see: {one.link}")
    if said.problem:
        click.echo(said.why_not)
    elif not found:
        click.echo("nothing waits for anybody")


def _what(one: Waiting) -> str:
    about = "".join(f"\n  {place}" for place in one.about if one.kind == "stage")
    if one.version is None:
        return about
    return f"{about}\n  {one.version.name}{_judged(one.version)}" if about else _judged(one.version)


VERSIONS = (
    Column("version"),
    Column("status", 12),
    Column("metric", 14),
    Column("gain", 14),
    Column("decided", 10),
    Column("runs in", 8),
    Column("registered", spare=True),
    Column("comment", 12, spare=True),
)


def versions(
    found: Sequence[tuple[Version, Sequence[str]]], models: Sequence[str], missing: Sequence[str]
) -> None:
    """Versions, each with the stages that it runs in, and how a model gets its first."""
    rows = [_version(version, ", ".join(stages)) for version, stages in found]
    show(VERSIONS, rows, none="no versions yet")
    there = {version.model for version, _ in found}
    for model in models:
        if model not in there:
            click.echo(f"a build registers the first version of {model}")
            click.echo(f"  do: isthmus azure run {names.build_pipeline(model)}")
    _without_stack(missing)


def _version(one: Version, stages: str) -> list[str]:
    gained = f"{one.gain:{one.gain.form}} over {one.gain.over}" if one.gain else ""
    figures = [one.name, _status(one), metric(one.metric), gained]
    return [*figures, signed(one.decided_by, one.decided_at), stages, moment(one.created), one.comment]


def _status(one: Version) -> str:
    back = f", rolled back in {' and '.join(one.rolled_back)}" if one.rolled_back else ""
    return "shadow" if one.is_shadow else STATUS.get(one.status, one.status) + back


def lineage(found: Lineage, said: Said) -> None:
    """One fact a line, from the prediction if there is one to the deployments."""
    facts = _prediction(found)
    version = found.version
    facts["version"] = version.arn
    decided = signed(version.decided_by, version.decided_at)
    facts["status"] = version.status + (f" by {decided}" if decided else "")
    if version.automatic:
        facts["status"] = f"Approved by a rule and no person, {moment(version.approved_at)}"
    if version.is_shadow:
        facts["status"] = "a shadow: it waits for nobody"
    facts |= {f"rolled back in {stage}": why for stage, why in version.rolled_back.items()}
    facts["comment"] = version.comment
    facts["metric"] = metric(version.metric)
    facts["compared"] = str(version.gain or "")
    facts |= found.origin
    facts |= {f"data {number}": _data(one) for number, one in enumerate(found.data, 1)}
    for one in found.deployments:
        facts[one.stage] = _deployment(one)
        if one.predictions:
            facts[f"{one.stage}'s predictions"] = "; ".join(
                f"{_files(each)} below {each.uri}" for each in one.predictions
            )
    facts["not asked"] = said.why_not
    _facts(facts)


LINEAGES = (
    Column("version"),
    Column("status", 12),
    Column("decided", 10),
    Column("commit"),
    Column("data"),
    Column("staging", 14),
    Column("prod", 14),
    Column("predictions in prod", 14),
)


def lineages(found: Sequence[Lineage], said: Said) -> None:
    """A version a line: from which commit and data, who decided, and where it served from when to when."""
    show(LINEAGES, [_lineage(one) for one in found], none="there are none")
    if said.problem:
        click.echo(said.why_not)


def _lineage(one: Lineage) -> list[str]:
    served = {each.stage: _served(each) for each in one.deployments}
    version, came = one.version, (one.origin.get("commit", "")[:9], one.origin.get("data version", ""))
    decided = signed(version.decided_by, version.decided_at)
    return [
        version.name,
        _status(version),
        decided,
        *came,
        served.get("staging", ""),
        served.get("prod", ""),
        "; ".join(_files(it) for each in one.deployments if each.stage == "prod" for it in each.predictions),
    ]


def _served(one: Deployment) -> str:
    """run 51, from 2026-11-20 to 2026-11-24."""
    when = f", from {moment(one.at)}" if one.at else ""
    until = f" to {moment(one.until)}" if one.until else ", now" if one.running else ""
    return f"run {one.run_id or 'unknown'}{when}{until}"


def _files(one: Captured) -> str:
    """12 files, 2026-11-20 to 2026-11-24."""
    return f"{counted(one.files, 'file')}, {moment(one.since)} to {moment(one.until)}"


def _data(one: DataObject) -> str:
    version = f", version {one.version_id}" if one.version_id else ""
    return f"{one.origin}{version}, sha256 {one.sha256}"


def _prediction(found: Lineage) -> dict[str, str]:
    if found.capture is None:
        return {}
    return {
        "prediction": f"{found.capture.inference_id} at {found.capture.at}",
        "asked": found.capture.request.strip(),
        "answered": found.capture.answer.strip(),
        "captured in": found.capture.uri,
    }


def _deployment(one: Deployment) -> str:
    now = "runs now" if one.running else "ran before"
    now += f" from {moment(one.at)}" if one.at else ""
    now += f" to {moment(one.until)}" if one.until else ""
    passed = f", let pass by {signed(one.passed_by, one.passed_at)}" if one.passed_by else ""
    return f"{now} as endpoint {one.endpoint}, run {one.run_id or 'unknown'}{passed} {one.url}".rstrip()


EVENTS = (
    Column("at"),
    Column("hop"),
    Column("event", 8),
    Column("about"),
    Column("run", 9),
    Column("ms", right=True, spare=True),
    Column("correlation", spare=True),
    Column("reason", 10),
)


def events(found: Sequence[tuple[Hop, Run | None]], said: Said, *, hidden: int = 0) -> None:
    """One hop a line, and what became of its run; and of how many events nothing is shown."""
    none = "no event has started anything yet" if hidden else "no event has come over the bridge yet"
    show(EVENTS, [_hop(*one) for one in found], none=none)
    if hidden:
        what = counted(hidden, "event")
        click.echo(f"not shown: {what} that the bridge ignored; with all: isthmus events --all")
    if said.problem:
        click.echo(said.why_not)


LETTERS = (
    Column("id"),
    Column("since"),
    Column("event", 9),
    Column("about", 14),
    Column("correlation", spare=True),
    Column("attempts", right=True),
    Column("reason", 20),
)


def letters(found: Sequence[DeadLetter]) -> None:
    """One dead letter a line. Attempts are EventBridge's; the bridge's are its hops."""
    show(
        LETTERS,
        [_letter(one) for one in found],
        none="no event is lost: the bridge's dead-letter queue is empty",
    )


def _letter(one: DeadLetter) -> list[str]:
    since, event = moment(one.at), one.correlation_id[:ENOUGH]
    return [one.id[:ENOUGH], since, one.kind, one.about, event, one.attempts, one.reason]


def dead_letters(count: int, queue: str) -> None:
    """What could not be carried over the bridge, if anything: each is a run that did not happen."""
    if count:
        events = "1 event is" if count == 1 else f"{count} events are"
        click.echo(f"{events} lost: not carried over the bridge, and kept for 14 days in")
        click.echo(f"  {queue}")
        click.echo("  do: isthmus bridge dlq list")


def _hop(one: Hop, run: Run | None) -> list[str]:
    about = short(one.subject) if ":model-package/" in one.subject else one.model or one.subject
    ran = f"{one.run_id} {_result(run)}" if run else one.run_id
    at, after = moment(one.at, seconds=True), "" if one.after_ms is None else f"{one.after_ms:.0f}"
    return [at, one.hop, one.event_type, about, ran, after, one.correlation_id[:ENOUGH], one.reason]


def metric(one: Mapping[str, Any]) -> str:
    """auc 0.712 [0.655, 0.769]; nothing where none was recorded."""
    if not one:
        return ""
    return f"{one['metric']} {interval.read(one)}"


def signed(who: str, when: str) -> str:
    """Who decided, and when: robin, 18:31."""
    return ", ".join(part for part in (who, moment(when)) if part)


def moment(iso: str, *, seconds: bool = False) -> str:
    """A moment as one reads it on a clock: the time of today, else the date."""
    if not iso:
        return ""
    at = datetime.fromisoformat(iso.replace("Z", "+00:00")).astimezone()
    if at.date() != datetime.now().astimezone().date():
        return f"{at:%Y-%m-%d}"
    return f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"


def short(arn: str) -> str:
    """seattle-rain/1, of a model package's ARN."""
    return arn.partition(":model-package/")[2] or arn


def _result(run: Run) -> str:
    return run.result or run.status


def _facts(pairs: Mapping[str, str]) -> None:
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<18} {value}")
