"""`isthmus pending` and `evidence`: decisions that people owe, and what they judge by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.operate.commands import AS_JSON, accounts_here, fail_if_asked_in_vain

if TYPE_CHECKING:
    from datetime import timedelta

    from isthmus.operate.pending import Waiting


@click.command()
@click.option("--older-than", metavar="AGE", help="Exit 1 where something waits longer: 30m, 12h, 2d.")
@AS_JSON
def pending(older_than: str | None, as_json: bool) -> None:
    """Every version and stage that waits for a person: metrics, how long, who may decide, and how."""
    from isthmus.operate import devops, registry, show
    from isthmus.operate.age import age
    from isthmus.operate.pending import every

    limit = age(older_than) if older_than else None
    accounts = accounts_here()
    models = [one.name for one in accounts.platform.models]
    said = devops.ask(accounts.platform, models)
    there, missing = registry.by_stack(accounts.client("automation", "sagemaker"), models)
    found = every(accounts, there, said)
    if as_json:
        waiting = [one.as_dict() for one in found]
        show.as_json({"waiting": waiting, "without_stack": missing, "azure": said.word})
    else:
        show.pending(found, said, missing)
    fail_if_asked_in_vain(said)
    _fail_if_older(found, limit)


def _fail_if_older(found: list[Waiting], limit: timedelta | None) -> None:
    from isthmus.errors import Problem
    from isthmus.operate.age import written

    late = [one.name for one in found if limit and one.age > limit]
    if late and limit:
        raise Problem(
            f"waits longer than {written(limit)}: {', '.join(late)}", todo="decide, as isthmus pending says"
        )


@click.command()
@click.argument("model")
@click.argument("version", required=False)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead.")
@click.option("--as-deployer", is_flag=True, help="Read as staging's deploy role: in a job that is it.")
@click.option("--summary", is_flag=True, help="Show it in the run's tab Extensions, too: in a job.")
def evidence(
    model: str, version: str | None, output: Path | None, *, as_deployer: bool, summary: bool
) -> None:
    """What an approver judges VERSION of MODEL (the newest, if not named) by, as a page of Markdown.

    A version is its number, or its ARN. The tests are those of Azure DevOps: AZURE_DEVOPS_TOKEN.
    """
    from isthmus import names
    from isthmus.azure.logging_commands import command
    from isthmus.config import AccountRole, read_platform
    from isthmus.errors import BadInput
    from isthmus.operate import registry
    from isthmus.operate.accounts import Accounts
    from isthmus.operate.evidence import page, tested
    from isthmus.operate.judgement import Evaluation, TrainingDrift, read
    from isthmus.operate.lineage import job_seconds

    platform = read_platform()
    platform.model(model)
    # The registry's policy shares each version with the deploy role, and no list of them.
    account: AccountRole = "staging" if as_deployer else "automation"
    accounts = Accounts(platform, names.deploy_role(platform, model) if as_deployer else "")
    sagemaker, s3 = accounts.client(account, "sagemaker"), accounts.client(account, "s3")
    is_arn = (version or "").startswith("arn:")
    found = registry.describe(sagemaker, str(version)) if is_arn else registry.find(sagemaker, model, version)
    seconds = job_seconds(sagemaker, found.execution)
    said: list[Any] = []
    unreadable = []
    for folder, name, shape in (
        ("evaluation_uri", "evaluation.json", Evaluation),
        ("baseline_uri", "training_drift.json", TrainingDrift),
    ):
        try:
            said.append(read(s3, found.metadata.get(folder, ""), name, shape))
        except BadInput as problem:
            said.append(None)
            unreadable.append(problem.what)
    tests = tested(platform, found)
    text = page(platform, found, said[0] or {}, said[1] or [], seconds, unreadable, tests)
    if output:
        output.write_text(text)
        if summary:
            command("task.uploadsummary", str(output.resolve()))
        click.echo(f"{output}: the evidence of {found.name}")
    else:
        click.echo(text, nl=False)
