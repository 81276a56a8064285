"""Azure DevOps' service connections and what their tokens say, and what they are guarded by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.config import STAGES, WORKLOADS, AccountRole

if TYPE_CHECKING:
    from isthmus.config import Platform


def infrastructure_connection(platform: Platform, account: str) -> str:
    """The service connection that the infrastructure pipeline enters the account's role through."""
    return f"{platform.name}-infrastructure-{account}"


def drift_connection(platform: Platform, account: str) -> str:
    """The service connection that the infrastructure pipeline looks at the account's stacks through."""
    return f"{platform.name}-drift-{account}"


def audit_connection(platform: Platform) -> str:
    """The service connection that the infrastructure pipeline audits through."""
    return f"{platform.name}-audit"


def build_connection(platform: Platform, model: str) -> str:
    """The service connection that the model-build pipeline enters `build_role` through."""
    return f"{platform.name}-{model}-build"


def synth_connection(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-synth"


def deploy_connection(platform: Platform, model: str, stage: str) -> str:
    return f"{platform.name}-{model}-deploy-{stage}"


def callback_connection(platform: Platform) -> str:
    """The generic service connection that says where the bridge's HTTPS route is; it holds no secret."""
    return f"{platform.name}-callback"


def connections(platform: Platform) -> list[str]:
    """Every service connection of the platform."""
    accounts: tuple[AccountRole, ...] = ("management", *WORKLOADS)
    found = [
        one(platform, role) for role in accounts for one in (infrastructure_connection, drift_connection)
    ]
    found.append(audit_connection(platform))
    for model in platform.models:
        found += [build_connection(platform, model.name), synth_connection(platform, model.name)]
        found += [deploy_connection(platform, model.name, stage) for stage in STAGES]
    return found


def connection_subject(platform: Platform, connection: str) -> str:
    """The subject claim of a service connection's token (issuer vstoken.dev.azure.com)."""
    return f"sc://{platform.azure.organization}/{platform.azure.project}/{connection}"


def connection_subjects(platform: Platform, connection: str) -> dict[str, str]:
    """The subject claims of a service connection's tokens, by the issuers that roles trust."""
    azure = platform.azure
    subjects = {azure.token_issuer: connection_subject(platform, connection)}
    if connection in azure.entra_subjects:
        subjects[azure.entra_issuer] = azure.entra_subjects[connection]
    return subjects


def infrastructure_environment(account: str) -> str:
    """The environment whose history says what was deployed to the account, and by whom it was let pass."""
    return f"infrastructure-{account}"


def contributors(platform: Platform) -> str:
    """The group of all who work in the project; it is made with the project, and holds no job."""
    return f"[{platform.azure.project}]\\Contributors"
