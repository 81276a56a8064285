"""Settings of a project's pipelines, as its administrators switch them under Project settings, Pipelines.

https://learn.microsoft.com/rest/api/azure/devops/build/general-settings
"""

from __future__ import annotations

from isthmus.local.azure_devops.access import administrator
from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

# Those that change what happens here; all are off in a project of an organization that had them off.
HONOURED = ("enforceJobAuthScope", "enforceReferencedRepoScopedToken", "enforceSettableVar")
# Those that are kept and shown.
KEPT = (
    "auditEnforceSettableVar",
    "buildsEnabledForForks",
    "disableClassicBuildPipelineCreation",
    "disableClassicPipelineCreation",
    "disableClassicReleasePipelineCreation",
    "enableShellTasksArgsSanitizing",
    "enableShellTasksArgsSanitizingAudit",
    "enforceJobAuthScopeForForks",
    "enforceJobAuthScopeForReleases",
    "enforceNoAccessToSecretsFromForks",
    "forkProtectionEnabled",
    "isCommentRequiredForPullRequest",
    "publishPipelineMetadata",
    "requireCommentsForNonTeamMemberAndNonContributors",
    "requireCommentsForNonTeamMembersOnly",
    "statusBadgesArePrivate",
)


def is_on(organization: Organization, project: str, name: str) -> bool:
    """Whether the project of that id has the setting switched on."""
    return bool((organization.table("generalsettings").get(project) or {}).get(name))


def shown(call: Call) -> Document:
    """A PipelineGeneralSettings."""
    project: str = call.project["id"]
    return {name: is_on(call.organization, project, name) for name in (*HONOURED, *KEPT)}


def change(call: Call) -> Document:
    """Switch what the body names; the others stay."""
    administrator(call)
    given = {name: value for name, value in call.body.items() if name in (*HONOURED, *KEPT)}
    if odd := next((name for name, value in given.items() if not isinstance(value, bool)), None):
        raise invalid(f"{odd} must be true or false.")
    call.organization.table("generalsettings").merge(call.project["id"], given)
    return shown(call)


RESOURCES = [
    Resource(
        "c4aefd19-30ff-405b-80ad-aca021e7242a",
        "build",
        "generalsettings",
        "{project}/_apis/build/generalsettings",
        collection={"GET": shown, "PATCH": change},
    ),
]
