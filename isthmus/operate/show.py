"""What the operating commands print for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from isthmus.azure.runs import Run
    from isthmus.operate.devops import Said
    from isthmus.operate.endpoints import Endpoint
    from isthmus.operate.hops import Hop
    from isthmus.operate.lineage import Deployment, Lineage
    from isthmus.operate.registry import Version

LATEST = 10


def as_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1))


def status(running: Sequence[Endpoint], waiting: Sequence[Version], said: Said) -> None:
    """What runs where, what waits for whom, and the latest runs."""
    _table(
        ["model", "stage", "status", "version", "Azure run", "since", "model package"],
        [
            [
                one.name,
                one.stage,
                one.status,
                one.version,
                one.run_id,
                moment(one.since),
                one.model_package_arn,
            ]
            for one in running
        ],
        none="there are no models",
    )
    click.echo()
    for version in waiting:
        measured = f" ({metric(version.metric)})" if version.metric else ""
        todo = f"isthmus approve {version.model} {version.number}"
        click.echo(f"{version.model} version {version.number}{measured} waits: {todo}")
    # The environment and the service connection ask for the same people: for a reader that is one gate.
    for gate in sorted({(one.run, one.pipeline, one.approvers) for one in said.pending}):
        click.echo(f"run {gate[0]} of {gate[1]} waits for {', '.join(gate[2])}")
    if said.problem:
        click.echo(said.why_not)
        return
    if not waiting and not said.pending:
        click.echo("nothing waits for anybody")
    click.echo()
    _table(
        ["run", "pipeline", "result", "for", "queued"],
        [[str(r.id), r.pipeline, _result(r), r.requested_for, moment(r.queued)] for r in said.runs[:LATEST]],
        none="no pipeline has run yet",
    )


def versions(found: Sequence[tuple[Version, Sequence[str]]]) -> None:
    """Versions, each with the stages that it runs in."""
    _table(
        ["model", "version", "status", "metric", "decided by", "runs in", "registered", "comment"],
        [_version(version, ", ".join(stages)) for version, stages in found],
        none="no versions yet",
    )


def _version(one: Version, stages: str) -> list[str]:
    number, measured, registered = str(one.number), metric(one.metric), moment(one.created)
    return [one.model, number, one.status, measured, one.decided_by, stages, registered, one.comment]


def lineage(found: Lineage, said: Said) -> None:
    """One fact a line, from the prediction if there is one to the deployments."""
    facts = _prediction(found)
    version = found.version
    facts["version"] = version.arn
    facts["status"] = version.status + (f" by {version.decided_by}" if version.decided_by else "")
    facts["comment"] = version.comment
    facts["metric"] = metric(version.metric)
    facts |= found.origin
    facts |= {one.stage: _deployment(one) for one in found.deployments}
    facts["not asked"] = said.why_not
    _facts(facts)


def _prediction(found: Lineage) -> dict[str, str]:
    if found.capture is None:
        return {}
    return {
        "prediction": f"{found.capture.inference_id} at {moment(found.capture.at)}",
        "asked": found.capture.request.strip(),
        "answered": found.capture.answer.strip(),
        "captured in": found.capture.uri,
    }


def _deployment(one: Deployment) -> str:
    now = "runs now" if one.running else "ran before"
    passed = f", let pass by {one.passed_by}" if one.passed_by else ""
    return f"{now} as endpoint {one.endpoint}, run {one.run_id or 'unknown'}{passed} {one.url}".rstrip()


def events(found: Sequence[tuple[Hop, Run | None]], said: Said) -> None:
    """One hop a line, and what became of its run."""
    _table(
        ["at", "hop", "event", "about", "Azure run", "ms", "correlation id", "reason"],
        [_hop(hop, run) for hop, run in found],
        none="no event has come over the bridge yet",
    )
    if said.problem:
        click.echo(said.why_not)


def _hop(one: Hop, run: Run | None) -> list[str]:
    about, at = one.subject.rsplit(":", 1)[-1], one.at[:23].replace("T", " ")
    ran = f"{one.run_id} {_result(run)}" if run else one.run_id
    return [at, one.hop, one.event_type, about, ran, f"{one.latency_ms:.0f}", one.correlation_id, one.reason]


def metric(one: Mapping[str, Any]) -> str:
    """auc 0.712 [0.655, 0.769]; nothing where none was recorded."""
    return "{metric} {value:.3f} [{ci_low:.3f}, {ci_high:.3f}]".format(**one) if one else ""


def moment(iso: str) -> str:
    """A time to the second."""
    return iso[:19].replace("T", " ")


def _result(run: Run) -> str:
    return run.result or run.status


def _facts(pairs: Mapping[str, str]) -> None:
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<18} {value}")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, none: str) -> None:
    """A table; `none` is said in place of one without rows."""
    if not rows:
        click.echo(none)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        # As text: what people wrote, such as a comment, is not markup.
        shown.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 240, highlight=False).print(shown)
