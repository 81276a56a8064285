"""`isthmus status`, `models`, `approve`, `reject`, `lineage`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from isthmus.config import STAGES, Stage

if TYPE_CHECKING:
    from isthmus.operate.accounts import Accounts
    from isthmus.operate.devops import Said
    from isthmus.operate.endpoints import Endpoint
    from isthmus.operate.lineage import Lineage
    from isthmus.operate.registry import Verdict, Version

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
STAGE = click.option("--stage", type=click.Choice(STAGES), default="prod", show_default=True)
COMMENT = click.option("--comment", default="", help="Why; kept with the version.")


@click.command()
@AS_JSON
@click.option("--check", is_flag=True, help="Compare registry, runs and endpoints: 1 where they differ.")
@click.option(
    "--repair", is_flag=True, help="With --check: have the bridge look after what it can mend, now."
)
def status(as_json: bool, check: bool, repair: bool) -> None:
    """What runs where, what waits for whom, and the latest runs."""
    from isthmus.errors import BadInput

    if repair and not check:
        raise BadInput("--repair goes with --check", todo="isthmus status --check --repair")
    if check:
        _check(as_json, repair)
    else:
        _status(as_json)


def _status(as_json: bool) -> None:
    from isthmus.operate import dead_letters, devops, registry, show

    accounts = accounts_here()
    models = [one.name for one in accounts.platform.models]
    sagemaker = accounts.client("automation", "sagemaker")
    there, missing = registry.by_stack(sagemaker, models)
    running = [_endpoint(accounts, model, stage) for model in there for stage in STAGES]
    waiting = [version for model in there for version in registry.pending(sagemaker, model)]
    lost = dead_letters.count(accounts.client("automation", "sqs"), accounts.platform)
    said = devops.ask(accounts.platform, models)
    if as_json:
        show.as_json(
            {
                "endpoints": [
                    {"model": one.model, "version": one.version, "challenger": one.challenger, **asdict(one)}
                    for one in running
                ],
                "without_stack": missing,
                "pending_versions": [_of_version(one) for one in waiting],
                "dead_letters": lost,
                **said.as_dict(latest=show.LATEST),
            }
        )
    else:
        show.status(running, waiting, said, missing)
        show.dead_letters(lost, dead_letters.url(accounts.platform))
    fail_if_asked_in_vain(said)


def _check(as_json: bool, repair: bool) -> None:
    """Say what differs; ends with 1 where something does, and with 2 where it could not be compared."""
    from isthmus.errors import Problem
    from isthmus.operate import checking, dead_letters, show

    accounts = accounts_here()
    try:
        found = [*checking.gather(accounts), *checking.lost(accounts)]
    except Problem as problem:
        problem.exit_code = 2
        raise
    if as_json:
        show.as_json([asdict(one) for one in found])
    else:
        show.differences(found)
    if repair and any(one.mends for one in found):
        dead_letters.ask_for_looks(accounts.as_approver("sqs"), accounts.platform)
        click.echo("the bridge looks after it now: isthmus events shows what comes of it", err=as_json)
    if found:
        raise click.exceptions.Exit(1)


def _endpoint(accounts: Accounts, model: str, stage: Stage) -> Endpoint:
    from isthmus.operate import endpoints

    return endpoints.find(accounts.client(stage, "sagemaker"), model, stage)


def _of_version(version: Version) -> dict[str, Any]:
    keys = ("name", "approved_by", "approved_at", "automatic", "decided_by", "decided_at", "is_shadow")
    return asdict(version) | {key: getattr(version, key) for key in keys}


def fail_if_asked_in_vain(said: Said) -> None:
    """What AWS knows has been printed; a token that Azure DevOps refuses is an error all the same."""
    if said.problem and said.asked:
        raise said.problem


@click.command()
@click.argument("model", required=False)
@AS_JSON
def models(model: str | None, as_json: bool) -> None:
    """The versions of each model, or of MODEL: metrics, who decided, and where they run."""
    from isthmus.operate import registry, show

    accounts = accounts_here()
    sagemaker = accounts.client("automation", "sagemaker")
    named = [accounts.platform.model(model)] if model else accounts.platform.models
    there, missing = registry.by_stack(sagemaker, [one.name for one in named])
    found = []
    for name in there:
        here = {stage: _endpoint(accounts, name, stage) for stage in STAGES}
        for version in registry.versions(sagemaker, name):
            found.append((version, [stage for stage in STAGES if here[stage].runs(version.arn)]))
    if as_json:
        show.as_json([_of_version(version) | {"runs_in": stages} for version, stages in found])
    else:
        show.versions(found, there, missing)


@click.command()
@click.argument("model")
@click.argument("version")
@COMMENT
def approve(model: str, version: str, comment: str) -> None:
    """Approve VERSION (a number or an ARN) of MODEL; its deployment starts."""
    _decide(model, version, "Approved", comment)


@click.command()
@click.argument("model")
@click.argument("version")
@COMMENT
def reject(model: str, version: str, comment: str) -> None:
    """Reject VERSION (a number or an ARN) of MODEL."""
    _decide(model, version, "Rejected", comment)


def _decide(model: str, version: str, verdict: Verdict, comment: str) -> None:
    from isthmus import names
    from isthmus.operate import registry

    accounts = accounts_here()
    accounts.platform.model(model)
    sagemaker, person = accounts.approver()
    found = registry.find(sagemaker, model, version)
    registry.decide(sagemaker, found, verdict, comment)
    click.echo(f"{model} version {found.number}: {verdict} by {person}")
    if verdict == "Approved":
        click.echo(f"its deployment starts: isthmus azure follow {names.deploy_pipeline(model)}")


@click.command()
@click.argument("model")
@click.argument("version", required=False)
@click.option("--inference-id", help="Of the version that gave this prediction.")
@click.option("--commit", help="Of all versions that were built from it.")
@click.option("--run", help="Of all versions that this run of Azure DevOps built, or deployed last.")
@click.option("--data", help="Of all versions that learned from it: an S3 URI, a data set, version or hash.")
@STAGE
@AS_JSON
def lineage(model: str, version: str | None, stage: Stage, as_json: bool, **back: str | None) -> None:
    """Where VERSION of MODEL (the newest, if not named) came from and where it went.

    With --inference-id: of the version that gave that prediction at --stage. With --commit, --data or --run:
    which versions came of it, what was deployed where and when, and where their predictions lie.
    """
    from isthmus.errors import BadInput
    from isthmus.operate import devops, lineage, show

    named = [key for key, value in {"version": version, **back}.items() if value]
    if len(named) > 1:
        raise BadInput(f"{' and '.join(named)} are given", todo="give one of them")
    accounts = accounts_here()
    said = devops.ask(accounts.platform, [accounts.platform.model(model).name])
    looks: dict[str, Any] = {"commit": lineage.of_commit, "data": lineage.of_data, "run": lineage.of_run}
    if look := next((one for key, one in looks.items() if back[key]), None):
        several = look(accounts, model, back["commit"] or back["data"] or back["run"], said)
        if as_json:
            show.as_json([_of_lineage(one, said) for one in several])
        else:
            show.lineages(several, said)
    else:
        one = (
            lineage.of_prediction(accounts, model, stage, back["inference_id"], said)
            if back["inference_id"]
            else lineage.of_version(accounts, model, version, said)
        )
        if as_json:
            show.as_json(_of_lineage(one, said))
        else:
            show.lineage(one, said)
    fail_if_asked_in_vain(said)


def _of_lineage(found: Lineage, said: Said) -> dict[str, Any]:
    return asdict(found) | {"version": _of_version(found.version), "azure": said.word}


def accounts_here() -> Accounts:
    from isthmus.config import read_platform
    from isthmus.operate.accounts import Accounts

    return Accounts(read_platform())
