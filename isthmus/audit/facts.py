"""What the audit judges: versions in prod with their runs and approvals, guards, connections, roles, waits.

Read here from both clouds; what they mean is for the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus import names
from isthmus.audit import evaluation
from isthmus.audit.evaluation import Evaluation
from isthmus.azure import approvals, merged, provision, retention, runs
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client, connect
from isthmus.azure.present import Present
from isthmus.azure.runs import Run
from isthmus.config import Platform
from isthmus.operate import devops, endpoints, pending, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.pending import Waiting
from isthmus.operate.registry import Version


@dataclass(frozen=True)
class Served:
    """A version that runs in prod. A run is None where none is recorded, or Azure DevOps has it no more.

    `evaluation` is None where it does not lie where its build left it. `unmerged` are the commits of both
    runs that are on no main, each in words; `leased` are the runs that are kept because it serves.
    """

    version: Version
    build: Run | None
    deployment: Run | None
    approvals: tuple[Approval, ...]
    evaluation: Evaluation | None
    unmerged: tuple[str, ...] = ()
    leased: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Facts:
    """`unguarded` and `stored` are the checks and switches that lack and the connections that hold a secret.

    `changed` are the roles and policies that are not as their stacks say; None where that was not asked.
    """

    platform: Platform
    served: tuple[Served, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    unguarded: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    changed: tuple[str, ...] | None = field(default=None)


# How a connection signs in that keeps nothing; a scheme that is not here is not known to.
NO_SECRET = ("workloadidentityfederation", "managedserviceidentity", "none")


def gather(accounts: Accounts, *, roles: bool) -> Facts:
    """Everything; raises a `Problem` where a cloud does not say it: an audit does not guess.

    `roles` asks CloudFormation too, which takes minutes in a large account.
    """
    platform = accounts.platform
    client = connect(platform)
    present = Present(client)
    models = [one.name for one in platform.models]
    said = devops.ask(platform, models)
    if said.problem:
        raise said.problem
    return Facts(
        platform=platform,
        served=tuple(one for model in models if (one := _served(accounts, client, model))),
        waiting=tuple(pending.every(accounts, models, said)),
        unguarded=tuple(one.summary for one in provision.unguarded(platform, present)),
        stored=tuple(sorted(_stored(present))),
        changed=tuple(_changed(platform)) if roles else None,
    )


def _served(accounts: Accounts, client: Client, model: str) -> Served | None:
    arn = endpoints.find(accounts.client("prod", "sagemaker"), model, "prod").model_package_arn
    if not arn:
        return None
    bucket = names.artifact_bucket(accounts.platform)
    version = registry.describe(accounts.client("automation", "sagemaker"), arn)
    deployment = runs.find(client, version.metadata.get("prod_run_id", ""))
    build = runs.find(client, version.metadata.get("run_id", ""))
    return Served(
        version=version,
        build=build,
        deployment=deployment,
        approvals=tuple(approvals.every(client, deployment.id)) if deployment else (),
        evaluation=evaluation.read(accounts.client("automation", "s3"), bucket, version),
        unmerged=tuple(line for run in (build, deployment) if run for line in merged.unmerged(client, run)),
        leased=frozenset(retention.held(client, names.lease_owner(accounts.platform, model, "prod"))),
    )


def _stored(present: Present) -> list[str]:
    """The connections that sign in by something that is kept."""
    signing = [(one.name, one.authorization) for one in present.every("connection")]
    return [name for name, by in signing if by and keeps_secret(by.scheme, by.parameters or {})]


def keeps_secret(scheme: str, parameters: Mapping[str, str | None]) -> bool:
    """Whether a connection holds a secret; a generic one without user and password is an address only."""
    if scheme.lower() != "usernamepassword":
        return scheme.lower() not in NO_SECRET
    return bool(parameters.get("username") or parameters.get("password"))


def _changed(platform: Platform) -> list[str]:
    """What of IAM was changed past the stacks that made it."""
    from isthmus.infra.drift import of_account
    from isthmus.infra.roles import Roles

    roles = Roles.here(platform.region)
    return [
        f"account {account}, stack {stack}: {drift}"
        for account in platform.standing
        for stack, drifts in of_account(roles, platform, account)
        for drift in drifts
        if drift.type.startswith("AWS::IAM::")
    ]
