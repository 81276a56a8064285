"""`isthmus status`, `models`, `approve`, `reject`, `invoke`, `lineage`, `events`, `schema`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import boto3

    from isthmus.config import Platform
    from isthmus.operate.registry import Verdict

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
STAGE = click.option("--stage", type=click.Choice(["staging", "prod"]), default="prod", show_default=True)


@click.command()
@AS_JSON
def status(as_json: bool) -> None:
    """What runs where, and what waits for whom."""
    from isthmus.config import STAGES
    from isthmus.operate import endpoints, registry

    platform = _platform()
    rows, waiting = [], []
    sagemaker = _session(platform, "automation").client("sagemaker")
    serving = {stage: _session(platform, stage).client("sagemaker") for stage in STAGES}
    for model in platform.models:
        rows += [
            {"model": model.name, **asdict(endpoints.find(serving[stage], model.name, stage))}
            for stage in STAGES
        ]
        waiting += [
            {"model": one.model, "version": one.number, "arn": one.arn, "since": one.created}
            for one in registry.versions(sagemaker, model.name)
            if one.status == "PendingManualApproval"
        ]
    if as_json:
        click.echo(
            json.dumps({"endpoints": rows, "pending_versions": waiting, "pending_stages": _pending(platform)})
        )
        return
    _table(
        ["model", "stage", "status", "version", "Azure run", "since"],
        [
            [
                one["model"],
                one["stage"],
                one["status"],
                one["model_package_arn"].rsplit("/", 1)[-1],
                one["run_id"],
                one["since"][:19],
            ]
            for one in rows
        ],
    )
    for one in waiting:
        click.echo(
            f"{one['model']} version {one['version']} waits: isthmus approve {one['model']} {one['version']}"
        )
    for approval in _pending(platform) or []:
        click.echo(
            f"run {approval['run']} of {approval['pipeline']} waits for {', '.join(approval['approvers'])}"
        )
    if _pending(platform) is None:
        click.echo("Azure DevOps was not asked: AZURE_DEVOPS_TOKEN is not set")


def _pending(platform: Platform) -> list[dict[str, Any]] | None:
    """Stage gates that wait for people; None where nobody is signed in to Azure DevOps."""
    from isthmus.azure import approvals
    from isthmus.azure.client import connect
    from isthmus.errors import Refused

    try:
        return [asdict(one) for one in approvals.pending(connect(platform))]
    except Refused:
        return None


@click.command()
@click.argument("model", required=False)
@AS_JSON
def models(model: str | None, as_json: bool) -> None:
    """The versions of each model, or of MODEL, with metrics and approvers."""
    from isthmus.operate import registry

    platform = _platform()
    chosen = [platform.model(model).name] if model else [one.name for one in platform.models]
    sagemaker = _session(platform, "automation").client("sagemaker")
    found = [version for name in chosen for version in registry.versions(sagemaker, name)]
    if as_json:
        click.echo(json.dumps([asdict(one) | {"approved_by": one.approved_by} for one in found]))
        return
    _table(
        ["model", "version", "status", "metric", "approved by", "stage", "registered"],
        [
            [
                one.model,
                str(one.number),
                one.status,
                _metric(one.metric),
                one.approved_by,
                one.stage,
                one.created[:19],
            ]
            for one in found
        ],
    )


def _metric(metric: dict[str, Any]) -> str:
    return "{metric} {value:.3f} [{ci_low:.3f}, {ci_high:.3f}]".format(**metric) if metric else ""


@click.command()
@click.argument("model")
@click.argument("version")
@click.option("--comment", default="", help="Why; kept with the version.")
def approve(model: str, version: str, comment: str) -> None:
    """Approve VERSION (a number or an ARN) of MODEL; its deployment starts."""
    _decide(model, version, "Approved", comment)


@click.command()
@click.argument("model")
@click.argument("version")
@click.option("--comment", default="", help="Why; kept with the version.")
def reject(model: str, version: str, comment: str) -> None:
    """Reject VERSION (a number or an ARN) of MODEL."""
    _decide(model, version, "Rejected", comment)


def _decide(model: str, version: str, verdict: Verdict, comment: str) -> None:
    from isthmus import aws, names
    from isthmus.operate import registry

    platform = _platform()
    platform.model(model)
    role = names.approver_role(platform)
    session = aws.session(platform.region, platform.accounts.automation, role)
    sagemaker = session.client("sagemaker")
    found = registry.find(sagemaker, model, version)
    registry.decide(sagemaker, found, verdict, comment)
    click.echo(f"{model} {found.number}: {verdict}")


@click.command()
@click.argument("model")
@STAGE
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV or JSON file."
)
@click.option("--row", help="One row: comma-separated values in the order of the features.")
@click.option("--inference-id", help="An id to find the captured request by, and to send its label under.")
def invoke(model: str, stage: str, data: Path | None, row: str | None, inference_id: str | None) -> None:
    """Ask MODEL's endpoint for predictions, one a line; rows from --row, --data or standard input."""
    from isthmus import names
    from isthmus.errors import BadInput, NotFound

    platform = _platform()
    platform.model(model)
    body = row.encode() if row is not None else data.read_bytes() if data else sys.stdin.buffer.read()
    kind = "application/json" if body.lstrip()[:1] in (b"[", b"{") else "text/csv"
    runtime = _session(platform, stage).client("sagemaker-runtime")
    extra = {"InferenceId": inference_id} if inference_id else {}
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=names.endpoint(model), Body=body, ContentType=kind, Accept="text/csv", **extra
        )
    except runtime.exceptions.ModelError as error:
        said: dict[str, Any] = dict(error.response)
        raise BadInput(f"the model refused: {str(said.get('OriginalMessage', '')).strip()}") from None
    except runtime.exceptions.ValidationError as error:
        if "not found" not in str(error).lower():
            raise
        raise NotFound(
            f"{model} has no endpoint in {stage}", todo="isthmus status shows what runs where"
        ) from None
    click.echo(answer["Body"].read().decode(), nl=False)


@click.command()
@click.argument("model")
@click.argument("version", required=False)
@AS_JSON
def lineage(model: str, version: str | None, as_json: bool) -> None:
    """Where VERSION of MODEL (the newest, if not named) came from and where it went."""
    from isthmus.config import STAGES
    from isthmus.operate import registry

    platform = _platform()
    platform.model(model)
    found = registry.find(_session(platform, "automation").client("sagemaker"), model, version)
    facts = {
        "version": found.arn,
        "status": found.status,
        "approved by": found.approved_by,
        "comment": found.comment,
    }
    facts |= {"metric": _metric(found.metric)}
    labels = {
        "commit": "commit",
        "repository": "repository",
        "run_id": "build run",
        "reason": "built because of",
        "data_version": "data version",
        "correlation_id": "correlation id",
        "evaluation_uri": "evaluation",
        "baseline_uri": "baseline",
    }
    facts |= {label: found.metadata.get(key, "") for key, label in labels.items()}
    for stage in STAGES:
        facts[f"{stage} run"] = found.metadata.get(f"{stage}_run_id", "")
        facts[f"{stage} endpoint"] = found.metadata.get(f"{stage}_endpoint", "")
    facts = {key: value for key, value in facts.items() if value}
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for key, value in facts.items():
            click.echo(f"{key:<18} {value}")


@click.command()
@click.option("--model", help="Only this model's.")
@AS_JSON
def events(model: str | None, as_json: bool) -> None:
    """Each hop of each event over the bridge, the oldest first."""
    from isthmus.operate import hops

    platform = _platform()
    if model:
        platform.model(model)
    found = [
        one
        for one in hops.read(_session(platform, "automation").client("logs"), platform)
        if model in (None, one.model)
    ]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
        return
    _table(
        ["at", "hop", "event", "about", "Azure run", "ms", "correlation id", "reason"],
        [
            [
                one.at[11:23],
                one.hop,
                one.event_type,
                one.subject.rsplit(":", 1)[-1],
                one.run_id,
                f"{one.latency_ms:.0f}",
                one.correlation_id,
                one.reason,
            ]
            for one in found
        ],
    )


@click.command()
@click.argument("file", type=click.Choice(["platform", "model", "deploy"]))
def schema(file: str) -> None:
    """Print the JSON Schema of platform.yaml, model.yaml or deploy.yaml, for editors."""
    from isthmus.config import DeployConfig, ModelConfig, Platform

    kinds = {"platform": Platform, "model": ModelConfig, "deploy": DeployConfig}
    click.echo(json.dumps(kinds[file].model_json_schema(), indent=2))


def _platform() -> Platform:
    from isthmus.config import read_platform

    return read_platform()


def _session(platform: Platform, account: str) -> boto3.Session:
    """A session that may read in the account."""
    from isthmus import aws, names

    return aws.session(platform.region, getattr(platform.accounts, account), names.operator_role(platform))


def _table(columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 240
    Console(width=width, highlight=False).print(table)
