"""What the audit judges: versions in prod and deployments to it, guards, secrets, roles, waits.

Read here from both clouds; what they mean is for the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from isthmus import names, serving
from isthmus.audit import deployments, evaluation
from isthmus.audit.data import data_version
from isthmus.audit.deployments import Deployment
from isthmus.audit.evaluation import Evaluation
from isthmus.audit.stored import stored
from isthmus.azure import approvals, merged, provision, retention, runs
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client, connect
from isthmus.azure.present import Present
from isthmus.azure.runs import Run
from isthmus.config import Platform
from isthmus.operate import devops, pending, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.pending import Waiting
from isthmus.operate.registry import Version


@dataclass(frozen=True)
class Served:
    """A version that answers in prod, or is compared there with one that does.

    A run is None where none is recorded, or Azure DevOps has it no more. `evaluation` is None where it does
    not lie where its build left it; `data_version`, which the manifest of its data gives, is empty then.
    `unmerged` are the commits of both runs that are on no main, each in words; `leased` are the runs that
    are kept because it serves.
    """

    version: Version
    build: Run | None
    deployment: Run | None
    approvals: tuple[Approval, ...]
    evaluation: Evaluation | None
    data_version: str = ""
    unmerged: tuple[str, ...] = ()
    leased: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Facts:
    """`unregistered` are the endpoints in prod that serve something which is no version.

    `unguarded` are the checks and switches that lack, and `stored` is what keeps a secret, and how. `changed`
    are the roles and policies that are not as their stacks say; None where that was not asked. `at` is when
    they were gathered.
    """

    platform: Platform
    served: tuple[Served, ...] = ()
    unregistered: tuple[str, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    unguarded: tuple[str, ...] = ()
    stored: tuple[tuple[str, str], ...] = ()
    changed: tuple[str, ...] | None = field(default=None)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def gather(accounts: Accounts, *, roles: bool) -> Facts:
    """Everything; raises a `Problem` where a cloud does not say it: an audit does not guess.

    `roles` asks CloudFormation and IAM too, which takes minutes in a large account.
    """
    platform = accounts.platform
    client = connect(platform)
    present = Present(client)
    models = [one.name for one in platform.models]
    there, _missing = registry.by_stack(accounts.client("automation", "sagemaker"), models)
    said = devops.ask(platform, models)
    if said.problem:
        raise said.problem
    sagemaker = accounts.client("prod", "sagemaker")
    serves = {(model, one) for model in models for one in serving.every(sagemaker, model, "prod")}
    behind = sorted({(model, arn) for model, one in serves for arn in one.behind if arn})
    return Facts(
        platform=platform,
        served=tuple(_served(accounts, client, *one) for one in behind),
        unregistered=tuple(sorted({one.endpoint for _, one in serves if "" in one.behind})),
        deployments=tuple(deployments.every(client, present)),
        waiting=tuple(pending.every(accounts, there, said)),
        unguarded=tuple(one.summary for one in provision.unguarded(platform, present)),
        stored=tuple(sorted(stored(present))),
        changed=tuple(_changed(platform)) if roles else None,
    )


def _served(accounts: Accounts, client: Client, model: str, arn: str) -> Served:
    bucket = names.artifact_bucket(accounts.platform)
    s3 = accounts.client("automation", "s3")
    version = registry.describe(accounts.client("automation", "sagemaker"), arn)
    deployment = runs.find(client, version.metadata.get("prod_run_id", ""))
    build = runs.find(client, version.metadata.get("run_id", ""))
    return Served(
        version=version,
        build=build,
        deployment=deployment,
        approvals=tuple(approvals.every(client, deployment.id)) if deployment else (),
        evaluation=evaluation.read(s3, bucket, version),
        data_version=data_version(s3, bucket, model, version.metadata.get("data_manifest", "")),
        unmerged=tuple(line for run in (build, deployment) if run for line in merged.unmerged(client, run)),
        leased=frozenset(retention.held(client, names.lease_owner(accounts.platform, model, "prod"))),
    )


def _changed(platform: Platform) -> list[str]:
    """What of IAM was changed past the stacks that made it, or by none of them."""
    from isthmus.infra import drift, widened
    from isthmus.infra.roles import Roles

    roles, found = Roles.here(platform.region), []
    for account in platform.standing:
        found += [
            f"account {account}, stack {stack}: {one}"
            for stack, drifts in drift.of_account(roles, platform, account)
            for one in drifts
            if one.type.startswith("AWS::IAM::")
        ]
        found += [
            f"account {account}, role {role}: {what}"
            for role, what in widened.of_account(roles, platform, account)
        ]
    return found
