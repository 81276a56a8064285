"""For how long a project keeps its runs, as its administrators say under Project settings, Pipelines.

Nothing is ever deleted here for its age.

https://learn.microsoft.com/azure/devops/pipelines/policies/retention
https://learn.microsoft.com/rest/api/azure/devops/build/retention
"""

from __future__ import annotations

from isthmus.local.azure_devops.access import administrator
from isthmus.local.azure_devops.call import Call, mapping
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

# What each is called where it is changed: what where it is shown; least and most; what a new project has.
SETTINGS = {
    "runRetention": ("purgeRuns", 30, 731, 30),
    "pullRequestRunRetention": ("purgePullRequestRuns", 1, 30, 10),
    "artifactsRetention": ("purgeArtifacts", 1, 60, 30),
    "retainRunsPerProtectedBranch": ("retainRunsPerProtectedBranch", 0, 50, 3),
}


def shown(call: Call) -> Document:
    """A ProjectRetentionSetting."""
    said = call.organization.table("retention").get(call.project["id"]) or {}
    return {
        called: {"min": least, "max": most, "value": said.get(name, new)}
        for name, (called, least, most, new) in SETTINGS.items()
    }


def change(call: Call) -> Document:
    """Change what the body names; the others stay."""
    administrator(call)
    given = {name: mapping(call.body, name).get("value") for name in SETTINGS if name in call.body}
    for name, value in given.items():
        _, least, most, _ = SETTINGS[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise invalid(f"{name} must be a number from {least} to {most}.")
    call.organization.table("retention").merge(call.project["id"], given)
    return shown(call)


RESOURCES = [
    Resource(
        "dadb46e7-5851-4c72-820e-ae8abb82f59f",
        "build",
        "retention",
        "{project}/_apis/build/retention",
        collection={"GET": shown, "PATCH": change},
    ),
]
