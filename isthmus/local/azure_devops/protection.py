"""Which policies stand on a branch; apart from `policies`, which runs pipelines and is asked later."""

from __future__ import annotations

from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.store import Document


def applicable(organization: Organization, repository: str, ref: str) -> list[Document]:
    """The enabled policies on that branch."""
    return [
        policy
        for policy in organization.table("policy")
        if policy["isEnabled"]
        and any(_covers(scope, repository, ref) for scope in policy["settings"]["scope"])
    ]


def is_protected(organization: Organization, repository: str, ref: str) -> bool:
    """Whether that branch moves by pull request only."""
    return any(policy["isBlocking"] for policy in applicable(organization, repository, ref))


def _covers(scope: Document, repository: str, ref: str) -> bool:
    if scope.get("repositoryId") not in (None, repository):
        return False
    name = str(scope.get("refName") or "")
    if str(scope.get("matchKind", "exact")).lower() == "prefix":
        return ref.startswith(name)
    return ref == name
