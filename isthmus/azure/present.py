"""What is there: the project's things by name, asked for once and then remembered until something changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal

from isthmus import names
from isthmus.azure.client import Client, not_signed_in
from isthmus.azure.resources import MAIN, Kind
from isthmus.errors import NotFound, Refused, Unavailable

CHECKS = "7.1-preview.1"
SECURITY_ROLES = "7.1-preview.1"
SETTINGS, SETTINGS_VERSION = "build/generalsettings", "7.1-preview.1"
RETENTION = "build/retention"


class Present:
    """The project as it is. `forget` after a change; what is looked up and not there is None."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._known: dict[str, Any] = {}

    def forget(self) -> None:
        self._known.clear()

    @cached_property
    def clients(self) -> Any:
        """The factory of Microsoft's clients."""
        with translated():
            return self.client.microsoft.clients_v7_1

    def project(self) -> str | None:
        """The project's id."""
        found = self._project()
        return found.id if found else None

    def visibility(self) -> str | None:
        """Who may see the project, `private` or `public`; None where there is no project."""
        found = self._project()
        return str(found.visibility or "private") if found else None

    def _project(self) -> Any | None:
        listed = self._once("projects", lambda: list(self.clients.get_core_client().get_projects()))
        return next((one for one in listed if one.name == self.client.project), None)

    def properties(self, pattern: str) -> dict[str, Any]:
        """The project's properties of such names; none where there is no project."""
        project, core = self.project(), self.clients.get_core_client
        if project is None:
            return {}
        ask = lambda: core().get_project_properties(project, keys=[pattern])  # noqa: E731
        return {one.name: one.value for one in self._once(f"properties/{pattern}", ask)}

    def every(self, kind: Kind) -> list[Any]:
        """All that the project has of a kind, also what is not ours; nothing where there is no project."""
        asks: dict[str, Callable[[], Any]] = {
            "repository": lambda: self.clients.get_git_client().get_repositories(self._in),
            "pipeline": lambda: self.clients.get_pipelines_client().list_pipelines(self._in),
            "environment": lambda: self.clients.get_task_agent_client().get_environments(self._in),
            "connection": lambda: self.clients.get_service_endpoint_client().get_service_endpoints(self._in),
            "variablegroup": lambda: self.clients.get_task_agent_client().get_variable_groups(self._in),
            "policy": lambda: self.clients.get_policy_client().get_policy_configurations(self._in),
        }
        return self._once(kind, lambda: list(asks[kind]())) if self.project() else []

    def repository(self, name: str) -> Any | None:
        return self._named("repository", name)

    def pipeline(self, name: str) -> int | None:
        """The pipeline's number: of ours, or of the one that somebody moved to another folder."""
        named = [one for one in self.every("pipeline") if one.name == name]
        found = min(named, key=lambda one: one.folder != names.PIPELINE_FOLDER, default=None)
        return found.id if found else None

    def called(self, number: int) -> str:
        """What people call the pipeline of that number."""
        names = {one.id: one.name for one in self.every("pipeline")}
        return str(names.get(number, f"pipeline {number}"))

    def definition(self, name: str) -> dict[str, Any] | None:
        """The pipeline as a whole: where its YAML is, which Microsoft's client leaves out of a list."""
        named = [one for one in self.definitions() if one["name"] == name]
        return min(named, key=lambda one: one["path"] != names.PIPELINE_FOLDER, default=None)

    def definitions(self) -> list[dict[str, Any]]:
        """All pipelines of the project as a whole, also those that are not ours."""
        path = "build/definitions"
        ask = lambda: self.client.every(path, includeAllProperties="true")  # noqa: E731
        return list(self._once("definitions", ask)) if self.project() else []

    def settings(self) -> dict[str, bool]:
        """The switches of the project's pipelines; those that Microsoft's client knows are not all."""
        ask = lambda: self.client.get(SETTINGS, version=SETTINGS_VERSION)  # noqa: E731
        return dict(self._once("settings", ask)) if self.project() else {}

    def retention_days(self) -> int | None:
        """For how long the project keeps its runs; None where there is no project."""
        ask = lambda: self.client.get(RETENTION, version=SETTINGS_VERSION)  # noqa: E731
        return int(self._once("retention", ask)["purgeRuns"]["value"]) if self.project() else None

    def environment(self, name: str) -> Any | None:
        return self._named("environment", name)

    def connection(self, name: str) -> Any | None:
        return self._named("connection", name)

    def variable_group(self, name: str) -> Any | None:
        return self._named("variablegroup", name)

    def checks(self, type_: str, name: str) -> list[dict[str, Any]]:
        """The checks on a resource, with their settings, which Microsoft's client leaves out."""
        key = self.resource(type_, name)
        if key is None:
            return []
        query = {"resourceType": type_, "resourceId": key, "$expand": "settings"}
        path = "pipelines/checks/configurations"
        found: list[dict[str, Any]] = self._once(
            f"checks/{type_}/{key}", lambda: self.client.get(path, version=CHECKS, **query)["value"]
        )
        return found

    def authorized(self, type_: str, name: str) -> set[int]:
        """The numbers of the pipelines that may use a resource; of those that were deleted none is left."""
        found = self._permissions(type_, name)
        numbers = {one.id for one in (found.pipelines if found else None) or [] if one.authorized}
        return numbers & {one.id for one in self.every("pipeline")}

    def is_open(self, type_: str, name: str) -> bool:
        """Whether every pipeline of the project may use a resource."""
        found = self._permissions(type_, name)
        return bool(found and found.all_pipelines and found.all_pipelines.authorized)

    def _permissions(self, type_: str, name: str) -> Any | None:
        key = self.resource(type_, name)
        if key is None:
            return None
        permissions = self.clients.get_pipeline_permissions_client
        return self._once(
            f"permissions/{type_}/{key}",
            lambda: permissions().get_pipeline_permissions_for_resource(self._in, type_, key),
        )

    def resource(self, type_: str, name: str) -> str | None:
        """The id of a resource of that type (`endpoint` is a connection), as checks name it."""
        if type_ == "environment":
            environment = self.environment(name)
            return str(environment.id) if environment else None
        if type_ == "repository":
            repository = self.repository(name)
            return f"{repository.project.id}.{repository.id}" if repository else None
        if type_ == "variablegroup":
            group = self.variable_group(name)
            return str(group.id) if group else None
        connection = self.connection(name)
        return connection.id if connection else None

    def roles(self, scope: str, resource: str) -> list[dict[str, Any]]:
        """The security roles that were given there by name, and are not what is given for more than that."""
        path = f"/securityroles/scopes/{scope}/roleassignments/resources/{resource}"
        ask = lambda: self.client.get(path, version=SECURITY_ROLES)["value"]  # noqa: E731
        return [one for one in self._once(path, ask) if one["access"] == "assigned"]

    def maker(self, kind: Kind, name: str) -> Any | None:
        """Who made an environment, a service connection or a variable group."""
        found = self._named(kind, name)
        return found.created_by if found else None

    def is_protected(self, repository: str) -> bool:
        """Whether the repository's main moves by pull request only."""
        found = self.repository(repository)
        return found is not None and any(
            policy.is_enabled
            and policy.is_blocking
            and any(
                (scope.get("repositoryId"), scope.get("refName")) == (found.id, MAIN)
                for scope in policy.settings.get("scope", [])
            )
            for policy in self.every("policy")
        )

    def identity(self, name: str) -> str:
        """The id of a person or a group, by name; raises `NotFound`, or `Refused` when it is ambiguous."""
        found = self.identities(name)
        if len(found) == 1:
            return str(found[0].id)
        if not found:
            raise NotFound(
                f"Azure DevOps knows nobody called {name!r}",
                where="platform.yaml, azure.approvers",
                todo="make the group in Project settings, Permissions; or correct the name",
            )
        names = ", ".join(one.provider_display_name for one in found)
        raise Refused(f"{name!r} is ambiguous: {names}", where="platform.yaml, azure.approvers")

    def identities(self, name: str) -> list[Any]:
        """Everybody, person or group, who is called so."""
        identities = self.clients.get_identity_client
        return list(
            self._once(
                f"identity/{name}",
                lambda: identities().read_identities(search_filter="General", filter_value=name),
            )
        )

    def members(self, group: Any) -> list[Any]:
        """The direct members of a group, people and groups."""
        identities = self.clients.get_identity_client
        ids = ",".join(self.member_ids(group, "Direct"))
        if not ids:
            return []
        return list(self._once(f"ids/{ids}", lambda: identities().read_identities(identity_ids=ids)))

    def member_ids(self, group: Any, membership: Literal["Direct", "Expanded"]) -> list[str]:
        """The ids of a group's members; `Expanded` goes on through the groups that are in it."""
        identities = self.clients.get_identity_client
        (whole,) = self._once(
            f"members/{group.id}/{membership}",
            lambda: identities().read_identities(identity_ids=group.id, query_membership=membership),
        )
        return [str(one) for one in whole.member_ids or []]

    def application(self, client_id: str) -> str:
        """The identity descriptor of an Entra application's service principal; raises `NotFound`."""
        graph = self.clients.get_graph_client
        listed = self._once("applications", lambda: _all_principals(graph()))
        for one in listed:
            if str(one.application_id).lower() == client_id.lower():
                return self._identity_descriptor(str(one.descriptor))
        raise NotFound(
            f"the bridge's application {client_id} is not a member of this organization",
            where="platform.yaml, azure.bridge_client_id",
            todo="add it in Organization settings, Users, as a service principal with Basic access",
        )

    def _identity_descriptor(self, subject: str) -> str:
        """What access control lists call a subject of the graph."""
        identities = self.clients.get_identity_client
        found = self._once(
            f"subject/{subject}", lambda: identities().read_identities(subject_descriptors=subject)
        )
        return str(found[0].descriptor)

    def build_service(self) -> str:
        """The identity descriptor that the project's jobs have; raises `NotFound`."""
        organization = self.client.organization_url.rsplit("/", 1)[-1]
        # The project's own, where jobs are kept to their project (the default); else the organization's.
        for whose in (self.client.project, "Project Collection"):
            name = f"{whose} Build Service ({organization})"
            if found := self.identities(name):
                return str(found[0].descriptor)
        raise NotFound(
            f"Azure DevOps knows no build service of {self.client.project}",
            todo="run any pipeline of the project once, which makes it; then apply again",
        )

    def granted(self, namespace: str, token: str, descriptor: str) -> int:
        """The bits of a security namespace that are allowed there."""
        return self.bits(namespace, token, descriptor)[0]

    def bits(self, namespace: str, token: str, descriptor: str) -> tuple[int, int]:
        """Those that are allowed there, and those that are denied."""
        listed = self.listed(namespace, token, recurse=False).items()
        return next((bits for (_, who), bits in listed if who.lower() == descriptor.lower()), (0, 0))

    def effective(self, namespace: str, token: str, descriptor: str) -> int:
        """The bits that somebody has there in the end, by entries of their own and of their groups."""
        security = self.clients.get_security_client
        (found,) = self._once(
            f"effective/{namespace}/{token}/{descriptor}",
            lambda: security().query_access_control_lists(
                namespace, token=token, descriptors=descriptor, include_extended_info=True, recurse=False
            ),
        )
        return sum(int(one.extended_info.effective_allow or 0) for one in found.aces_dictionary.values())

    def entries(self, namespace: str, below: str, descriptor: str) -> dict[str, tuple[int, int]]:
        """What somebody is allowed and denied, by token: at `below`, and at all that is under it."""
        listed = self.listed(namespace, below)
        return {token: bits for (token, who), bits in listed.items() if who.lower() == descriptor.lower()}

    def git_token(self, repository: Any) -> str:
        """What the access control list of a repository, as a client gives it, is called."""
        return f"repoV2/{self.project()}/{repository.id}"

    def listed(
        self, namespace: str, token: str, *, recurse: bool = True
    ) -> dict[tuple[str, str], tuple[int, int]]:
        """What is allowed and denied, by token and descriptor: there, and at all that is under it."""
        security = self.clients.get_security_client
        lists = self._once(
            f"acls/{namespace}/{token}/{recurse}",
            lambda: security().query_access_control_lists(namespace, token=token, recurse=recurse),
        )
        return {
            (each.token, str(entry.descriptor)): (int(entry.allow or 0), int(entry.deny or 0))
            for each in lists
            for entry in (each.aces_dictionary or {}).values()
        }

    def named(self, descriptor: str) -> str:
        """What people call whoever an access control list names; the descriptor where nobody is called so."""
        identities = self.clients.get_identity_client
        found = self._once(
            f"descriptor/{descriptor}", lambda: identities().read_identities(descriptors=descriptor)
        )
        return next((str(one.provider_display_name) for one in found if one), descriptor)

    @property
    def _in(self) -> str:
        return self.client.project

    def _named(self, kind: Kind, name: str) -> Any | None:
        return next((one for one in self.every(kind) if one.name == name), None)

    def _once(self, key: str, ask: Callable[[], Any]) -> Any:
        if key not in self._known:
            with translated():
                self._known[key] = ask()
        return self._known[key]


def _all_principals(graph: Any) -> list[Any]:
    page = graph.list_service_principals()
    found = list(page.graph_service_principals or [])
    while page.continuation_token:
        page = graph.list_service_principals(continuation_token=page.continuation_token)
        found += page.graph_service_principals or []
    return found


@contextmanager
def translated() -> Iterator[None]:
    """What Microsoft's client raises, as a `Problem`: a page to sign in at shows as one it cannot read."""
    from azure.devops.exceptions import (
        AzureDevOpsAuthenticationError,
        AzureDevOpsClientRequestError,
        AzureDevOpsServiceError,
    )
    from msrest.exceptions import ClientRequestError, DeserializationError  # type: ignore[attr-defined]

    try:
        yield
    except (AzureDevOpsAuthenticationError, DeserializationError):
        raise not_signed_in("Azure DevOps") from None
    except AzureDevOpsServiceError as error:
        if error.type_key == "UnauthorizedRequestException":
            raise not_signed_in("Azure DevOps") from None
        raise Refused(f"Azure DevOps: {error.message}") from None
    except (AzureDevOpsClientRequestError, ClientRequestError) as error:
        raise Unavailable(f"no good answer from Azure DevOps: {error}") from None
