"""Teams: each project has the one that it is made with, and everybody is a member."""

from __future__ import annotations

import hashlib
import uuid

from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def of_all(call: Call) -> list[Document]:
    return call.page([_shown(call.organization, one) for one in call.organization.projects], top=100)


def of_project(call: Call) -> list[Document]:
    return call.page([_shown(call.organization, _project(call))], top=100)


def one(call: Call) -> Document:
    """A team by name or id."""
    team, wanted = _shown(call.organization, _project(call)), call.path["teamId"]
    if wanted.lower() not in (team["id"], team["name"].lower()):
        raise not_found(
            f"The team with id '{wanted}' does not exist, or you do not have permission to access it.",
            "TeamNotFoundException",
        )
    return team


def members(call: Call) -> list[Document]:
    one(call)
    people = [who for who in call.organization.principals if who.kind == "user"]
    return call.page(
        [{"identity": call.organization.identity(who), "isTeamAdmin": who.is_administrator} for who in people]
    )


def _project(call: Call) -> Document:
    return call.organization.project(call.path["projectId"])


def _shown(organization: Organization, project: Document) -> Document:
    """A WebApiTeam."""
    key = str(uuid.UUID(hashlib.md5(f"team/{project['id']}".encode()).hexdigest()))  # noqa: S324
    url = f"{organization.url}/_apis/projects/{project['id']}/teams/{key}"
    return {
        "id": key,
        "name": f"{project['name']} Team",
        "description": "The default project team.",
        "url": url,
        "identityUrl": f"{organization.url}/_apis/Identities/{key}",
        "projectName": project["name"],
        "projectId": project["id"],
    }


_TEAM = "_apis/projects/{projectId}/teams/{teamId}"
RESOURCES = [
    Resource(
        "d30a3dd1-f8ba-442a-b86a-bd0c0c383e59",
        "core",
        "teams",
        _TEAM,
        3,
        collection={"GET": of_project},
        item={"GET": one},
    ),
    Resource(
        "294c494c-2600-4d7e-b76c-3dd50c3c95be",
        "core",
        "members",
        _TEAM + "/members",
        2,
        collection={"GET": members},
    ),
    Resource(
        "7a4d9ee9-3433-4347-b47a-7a80f1cf307e",
        "core",
        "teams",
        "_apis/teams",
        3,
        collection={"GET": of_all},
    ),
]
