"""Who may do what. An administrator may do all; people may read, push, run and approve as they are asked to,
but with a pipeline nothing that an entry denies them or a group of theirs; a job reads, and in a repository
or with a pipeline does what it was granted there; a service principal may do what it was granted, pipeline by
pipeline, and nothing else.
"""

from __future__ import annotations

import re

from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import refused
from isthmus.local.azure_devops.organization import Organization, no_project
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.store import Document

# Security namespaces, and the bits of the Git and the Build one.
BUILD = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"
GIT = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87"
CONTRIBUTE, CREATE_BRANCH, PULL_REQUESTS = 4, 16, 16384
VIEW_BUILDS, TAG_BUILDS, RETAIN_BUILDS, DELETE_BUILDS, UPDATE_BUILDS = 1, 2, 4, 8, 64
QUEUE_BUILDS, STOP_BUILDS, VIEW_DEFINITION = 128, 512, 1024
EDIT_DEFINITION, DELETE_DEFINITION, EDIT_QUEUE = 2048, 4096, 65536
# What people may do with a pipeline where no entry says otherwise: as Contributors, by default.
# https://learn.microsoft.com/azure/devops/pipelines/policies/permissions
CONTRIBUTOR = (VIEW_BUILDS | TAG_BUILDS | QUEUE_BUILDS | UPDATE_BUILDS | STOP_BUILDS) | (
    VIEW_DEFINITION | EDIT_DEFINITION | DELETE_DEFINITION | EDIT_QUEUE
)
# And a job.
JOB = VIEW_BUILDS | VIEW_DEFINITION
_OWN = {"user": CONTRIBUTOR, "group": CONTRIBUTOR, "service": JOB}
_CALLED = {
    QUEUE_BUILDS: "queue builds for",
    UPDATE_BUILDS: "update build information of",
    RETAIN_BUILDS: "retain indefinitely the builds of",
    DELETE_BUILDS: "delete builds of",
    EDIT_DEFINITION: "edit build pipeline for",
    DELETE_DEFINITION: "delete build pipeline for",
    EDIT_QUEUE: "edit queue build configuration for",
}
# What an application may reach at all; on a pipeline or build, its handler then asks for the grant. Approvals
# are read by who may view the builds that wait (scope vso.build of "Approvals - Query"), and given by people.
_APPLICATION = re.compile(
    r"/(connectiondata|resourceareas|projects(/[^/]+)?|pipelines(/\d+(/.*)?)?|build/(builds|definitions)(/.*)?"
    r"|pipelines/approvals(/[^/]+)?|distributedtask/hubs/.*)/?",
    re.IGNORECASE,
)
# In a repository, or with a pipeline, its handler then asks for the grant.
_JOB_WRITES = re.compile(
    r"/(distributedtask/hubs/.*|git/repositories/[^/]+/pullrequests(/.*)?|build/retention/leases)",
    re.IGNORECASE,
)


def admit(principal: Principal, method: str, path: str) -> None:
    """Before a handler: keep applications and jobs away from what is none of their business."""
    if principal.kind == "application" and not _APPLICATION.fullmatch(path):
        raise _denied(principal, "anything but the pipelines that it was granted")
    if principal.kind == "service" and method != "GET" and not _JOB_WRITES.fullmatch(path):
        raise _denied(principal, f"{method} here with a job's token")


def within(organization: Organization, principal: Principal, scope: str) -> None:
    """Before a handler: a job whose token does not leave its project knows of no other."""
    job = principal.job
    if scope and job and job.is_of_project and organization.project(scope)["id"] != job.project:
        raise no_project(scope)


def reaches(principal: Principal, repository: Document) -> bool:
    """Whether a job's token was made for that repository; who is no job asks for permissions alone.

    https://learn.microsoft.com/azure/devops/pipelines/security/secure-access-to-repos
    """
    job = principal.job
    return job is None or (
        (not job.is_of_project or job.project == repository["project"])
        and (job.repositories is None or repository["id"] in job.repositories)
    )


def administrator(call: Call) -> None:
    """Only an administrator may go on."""
    if not call.principal.is_administrator:
        raise _denied(call.principal, "administer this resource")


def contributor(call: Call) -> None:
    """Only people may go on."""
    if call.principal.kind != "user":
        raise _denied(call.principal, "contribute")


def contributor_to(call: Call, repository: Document, bits: int) -> None:
    """Only people, and jobs that have these bits on the repository, may go on."""
    if not may_in(call.organization, call.principal, repository, bits):
        raise _denied(call.principal, f"contribute to {repository['name']}")


def may_in(
    organization: Organization, principal: Principal, repository: Document, bits: int, ref: str = ""
) -> bool:
    """Whether the principal has these bits of the Git namespace on the repository, or on a ref of it.

    A branch's token goes on as its name does, a letter in two bytes: what is said of its folder goes before
    what is said of all. https://learn.microsoft.com/azure/devops/repos/git/require-branch-folders
    """
    if principal.kind == "user":
        return True
    tokens = [
        "repoV2",
        f"repoV2/{repository['project']}",
        f"repoV2/{repository['project']}/{repository['id']}",
    ]
    for at, part in enumerate(ref.split("/") if ref else ()):
        tokens.append(f"{tokens[-1]}/{part if at < 2 else part.encode('utf-16-le').hex()}")
    left = _left(organization, [principal], GIT, tuple(tokens))
    return principal.kind == "service" and left & bits == bits


def pipeline(call: Call, found: Document, bits: int) -> None:
    """Only who has these bits on the pipeline may go on."""
    if not may(call.organization, call.principal, found, bits):
        raise denied(call.principal, found, bits)


def denied(principal: Principal, found: Document, bits: int) -> Exception:
    """What somebody is told who has not these bits on the pipeline."""
    return refused(
        f"TF215106: Access denied. {principal.display_name} needs permissions to {_CALLED.get(bits, 'view')} "
        f"pipeline {found['name']} in this project to perform the action."
    )


def may(organization: Organization, principal: Principal, found: Document, bits: int) -> bool:
    """Whether the principal has these bits of the Build namespace on the pipeline."""
    if principal.is_administrator:
        return True
    return effective(organization, principal, BUILD, f"{found['project']}/{found['id']}") & bits == bits


def effective(organization: Organization, principal: Principal, namespace: str, token: str) -> int:
    """The bits that entries on this token and those above it leave to the principal and its groups."""
    parts = token.split("/")
    tokens = tuple("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    own = _OWN.get(principal.kind, 0) if namespace == BUILD else 0
    groups = organization.principals.groups_of(principal)
    return _left(organization, [principal, *groups], namespace, tokens, own)


def _left(
    organization: Organization,
    who: list[Principal],
    namespace: str,
    tokens: tuple[str, ...],
    allowed: int = 0,
) -> int:
    """What the entries allow, from the widest token to the narrowest; on one token a denial wins."""
    for token in tokens:
        listed = organization.table("acl").get(f"{namespace}/{token}") or {}
        entries = [listed.get(one.identity_descriptor, {}) for one in who]
        for entry in entries:
            allowed |= entry.get("allow", 0)
        for entry in entries:
            allowed &= ~entry.get("deny", 0)
    return allowed


def _denied(principal: Principal, what: str) -> Exception:
    return refused(f"TF400813: The user '{principal.display_name}' is not authorized to {what}.")
