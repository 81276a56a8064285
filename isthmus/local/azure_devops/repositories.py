"""Git repositories of a project."""

from __future__ import annotations

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.access import administrator, reaches
from isthmus.local.azure_devops.call import Answer, Call, mapping, text
from isthmus.local.azure_devops.faults import Fault, invalid
from isthmus.local.azure_devops.organization import (
    Organization,
    enabled,
    new_id,
    no_repository,
    project_reference,
)
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    project = call.organization.project(call.path["project"]) if "project" in call.path else None
    found = [one for one in call.organization.repositories if not project or one["project"] == project["id"]]
    return [shown(call.organization, one) for one in found if reaches(call.principal, one)]


def one(call: Call) -> Document:
    return shown(call.organization, _named(call))


def create(call: Call) -> Answer:
    administrator(call)
    given = mapping(call.body, "project")
    name = call.path.get("project") or given.get("id") or given.get("name")
    if not isinstance(name, str):
        raise invalid("A project is required in order to create a repository.")
    project = call.organization.project(name)
    made = create_repository(call.organization, project, text(call.body, "name", required=True))
    return Answer(shown(call.organization, made), 201)


def change(call: Call) -> Document:
    administrator(call)
    repository = _named(call)
    with call.organization.store.lock:
        repository["name"] = text(call.body, "name", default=repository["name"])
        branch = text(call.body, "defaultBranch", default=repository.get("defaultBranch", ""))
        if branch and gitcli.resolve(call.organization.git(repository), branch) is None:
            raise invalid(f"TF401035: The branch {branch} does not exist.")
        repository["defaultBranch"] = branch
        repository["isDisabled"] = bool(call.body.get("isDisabled", repository.get("isDisabled")))
        call.organization.repositories.save(repository["id"], repository)
    return shown(call.organization, repository)


def remove(call: Call) -> Answer:
    administrator(call)
    call.organization.repositories.drop(_named(call)["id"])
    return Answer()


def of(call: Call) -> Document:
    """The repository in the URL, which is no disabled one."""
    return enabled(_named(call), call.path["repositoryId"])


def _named(call: Call) -> Document:
    """The repository in the URL, within the project where one is named."""
    project = call.organization.project(call.path["project"]) if "project" in call.path else None
    found = call.organization.repository(call.path["repositoryId"], project)
    if not reaches(call.principal, found):
        raise no_repository(call.path["repositoryId"])
    return found


def create_repository(organization: Organization, project: Document, name: str) -> Document:
    """Make an empty repository; raises 409 where the name is taken."""
    with organization.store.lock:
        for other in organization.repositories:
            if other["project"] == project["id"] and other["name"].lower() == name.lower():
                raise Fault(
                    409,
                    "GitRepositoryNameAlreadyExistsException",
                    f"TF400948: A Git repository with the name {name} already exists.",
                )
        if not name or name.startswith(("_", ".")) or set(name) & set('\\/:*?"<>;#$*{},+=[]|'):
            raise invalid(f"TF401025: '{name}' is not a valid name for a Git repository.")
        made: Document = {"id": new_id(), "name": name, "project": project["id"], "defaultBranch": ""}
        gitcli.create(organization.git(made))
        return organization.repositories.save(made["id"], made)


def default_branch(organization: Organization, repository: Document) -> str:
    """The default branch's full name; empty while the repository is."""
    if not repository.get("defaultBranch"):
        found = gitcli.refs(organization.git(repository))
        heads = [name for name in found if name.startswith("refs/heads/")]
        if heads:
            main = "refs/heads/main"
            repository["defaultBranch"] = main if main in heads else heads[0]
            organization.repositories.save(repository["id"], repository)
    return str(repository.get("defaultBranch", ""))


def shown(organization: Organization, repository: Document) -> Document:
    """A GitRepository."""
    project = organization.projects[repository["project"]]
    web = organization.git_url(project, repository)
    url = f"{organization.project_url(project)}/_apis/git/repositories/{repository['id']}"
    branch = default_branch(organization, repository)
    return {
        "id": repository["id"],
        "name": repository["name"],
        "url": url,
        "project": project_reference(organization, project),
        "size": 0,
        "remoteUrl": web,
        "webUrl": web,
        "isDisabled": bool(repository.get("isDisabled")),
        "isInMaintenance": False,
        **({"defaultBranch": branch} if branch else {}),
    }


RESOURCES = [
    Resource(
        "225f7195-f9c7-4d14-ab28-a83f7ff77e1f",
        "git",
        "repositories",
        "{project}/_apis/git/repositories/{repositoryId}",
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change, "DELETE": remove},
    )
]
