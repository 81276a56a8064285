"""Who may sign in: people, their groups, the build service and service principals; and with which tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jwt

from isthmus import files
from isthmus.local.azure_devops.keys import Key
from isthmus.local.azure_devops.settings import Settings

ADMINISTRATORS = "administrators"
EVERYBODY, NOBODY = "*", ""
# The groups that a project is made with, and whom it is made with in them: people, and no job.
# https://learn.microsoft.com/azure/devops/organizations/security/permissions
_OF_PROJECT = {
    "Contributors": EVERYBODY,
    "Project Valid Users": EVERYBODY,
    "Project Administrators": ADMINISTRATORS,
    "Build Administrators": NOBODY,
    "Release Administrators": NOBODY,
    "Endpoint Administrators": ADMINISTRATORS,
    "Endpoint Creators": EVERYBODY,
}
# The resource 'Azure DevOps' in every Entra tenant.
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
Kind = Literal["user", "group", "service", "application"]


@dataclass(frozen=True)
class Job:
    """The job that a System.AccessToken was made for, and how far that reaches.

    `is_of_project` where it does not leave the project, `repositories` the ids of those that it reaches; None
    for all of them.
    """

    project: str
    run: int
    plan: str
    job: str
    is_of_project: bool = False
    repositories: frozenset[str] | None = None


@dataclass(frozen=True)
class Principal:
    """Somebody or something with an identity; `job` only where it signed in with a job's token."""

    id: str
    kind: Kind
    name: str
    display_name: str
    groups: tuple[str, ...] = ()
    application: str = ""
    job: Job | None = None

    @property
    def descriptor(self) -> str:
        prefix = {"user": "aad", "group": "vssgp", "service": "svc", "application": "aadsp"}[self.kind]
        return f"{prefix}.{base64.b64encode(self.id.encode()).decode().rstrip('=')}"

    @property
    def identity_descriptor(self) -> str:
        """What access control lists and the identity service say for `descriptor`."""
        kinds = {
            "user": "Microsoft.IdentityModel.Claims.ClaimsIdentity",
            "group": "Microsoft.TeamFoundation.Identity",
            "service": "Microsoft.TeamFoundation.ServiceIdentity",
            "application": "Microsoft.VisualStudio.Services.Claims.AadServicePrincipal",
        }
        return f"{kinds[self.kind]};{self.id}"

    @property
    def is_administrator(self) -> bool:
        return ADMINISTRATORS in self.groups


class Principals:
    """The principals of one organization, and the tokens that it accepts."""

    def __init__(self, settings: Settings, state: Path, entra: Key) -> None:
        self._settings = settings
        self._entra = entra
        self._all = {one.id: one for one in _from(settings)}
        self._by_token = self._read_tokens(state / "tokens.json")
        self._jobs: dict[str, Principal] = {}
        # Of the groups that a project is made with, by id: the group whose members are in it.
        self._of_projects: dict[str, str] = {}
        self._entra_seen: dict[str, tuple[Principal, float]] = {}
        self.build_service = next(one for one in self._all.values() if one.kind == "service")

    def __iter__(self) -> Any:
        return iter(self._all.values())

    def get(self, key: str) -> Principal | None:
        """By id, or by a descriptor of either kind."""
        found = self._all.get(key.lower())
        if found is None and key:
            known = (one for one in self._all.values() if key in (one.descriptor, one.identity_descriptor))
            found = next(known, None)
        return found

    def group(self, name: str) -> Principal | None:
        return next((one for one in self._all.values() if one.kind == "group" and one.name == name), None)

    def add_project(self, name: str) -> None:
        """A project is made with a build service and groups."""
        for called, whose in _OF_PROJECT.items():
            group = f"[{name}]\\{called}"
            made = Principal(_identity(self._settings, f"group/{group}"), "group", group, group)
            self._of_projects[made.id] = whose
            self._all[made.id] = made
        service = _build_service(self._settings, name)
        self._all[service.id] = service

    def members(self, group: Principal) -> list[Principal]:
        return [one for one in self._all.values() if self._is_in(one, group)]

    def groups_of(self, principal: Principal) -> list[Principal]:
        return [one for one in self._all.values() if one.kind == "group" and self._is_in(principal, one)]

    def _is_in(self, principal: Principal, group: Principal) -> bool:
        whose = self._of_projects.get(group.id, group.name)
        return whose in principal.groups or (whose == EVERYBODY and principal.kind == "user")

    def is_or_belongs(self, principal: Principal, identity: str) -> bool:
        """Whether the identity of that id is the principal, or a group that it is a member of."""
        other = self._all.get(identity.lower())
        return other is not None and (
            principal.id == other.id or (other.kind == "group" and self._is_in(principal, other))
        )

    def application(self, client_id: str) -> Principal | None:
        """Entra's application of that id: of none, nobody, for people and groups have none either."""
        known = (one for one in self._all.values() if one.application == client_id.lower())
        return next(known, None) if client_id else None

    def by_token(self, token: str) -> Principal | None:
        """Who a token belongs to; None when it is not one, or is one no longer."""
        return self._by_token.get(token) or self._jobs.get(token) or self._by_entra(token)

    def issue(self, job: Job, project: str) -> str:
        """A System.AccessToken for a job of the project of that name; `revoke` it when the job ends."""
        token = secrets.token_urlsafe(32)
        service = _build_service(self._settings, project) if job.is_of_project else self.build_service
        self._jobs[token] = replace(service, job=job)
        return token

    def revoke(self, token: str) -> None:
        self._jobs.pop(token, None)

    def _by_entra(self, token: str) -> Principal | None:
        seen = self._entra_seen.get(token)
        if seen and seen[1] > time.time():
            return seen[0]
        if token.count(".") != 2:
            return None
        tenant = self._settings.tenant_id
        try:
            if jwt.get_unverified_header(token).get("kid") != self._entra.kid:
                return None
            claims = jwt.decode(
                token,
                self._entra.public,
                ["RS256"],
                audience=AZURE_DEVOPS,
                issuer=f"https://sts.windows.net/{tenant}/",
                options={"require": ["exp", "iat", "nbf"]},
            )
        except jwt.PyJWTError:
            return None
        # An organization is of one tenant: the application of that id is somebody else in another.
        found = self.application(str(claims.get("appid", ""))) if claims.get("tid") == tenant else None
        if found:
            self._entra_seen = {k: v for k, v in self._entra_seen.items() if v[1] > time.time()}
            self._entra_seen[token] = found, float(claims["exp"])
        return found

    def _read_tokens(self, path: Path) -> dict[str, Principal]:
        try:
            tokens: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError as error:
            raise files.damaged(path, error) from None
        users = {one.name: one for one in self._all.values() if one.kind == "user"}
        for name in users:
            tokens.setdefault(name, secrets.token_urlsafe(39))
        files.write(path, json.dumps(tokens, indent=1).encode())
        return {token: users[name] for name, token in tokens.items() if name in users}


def _identity(settings: Settings, name: str) -> str:
    return str(uuid.UUID(hashlib.md5(f"{settings.organization_id}/{name}".encode()).hexdigest()))  # noqa: S324


def _build_service(settings: Settings, whose: str) -> Principal:
    """Who jobs are: the project's own, or the organization's where jobs are not kept to their project.

    https://learn.microsoft.com/azure/devops/pipelines/process/access-tokens#scoped-build-identities
    """
    called = f"{whose} Build Service ({settings.organization})"
    return Principal(_identity(settings, f"build-service/{whose}"), "service", f"build/{whose}", called)


def _from(settings: Settings) -> Iterable[Principal]:
    identity = partial(_identity, settings)
    users = {user.name: user for user in settings.users}
    groups = {group for user in settings.users for group in user.groups} | {ADMINISTRATORS}
    for group in sorted(groups):
        yield Principal(identity(f"group/{group}"), "group", group, f"[{settings.organization}]\\{group}")
    if "admin" not in users:
        yield Principal(identity("admin"), "user", "admin", "Administrator", (ADMINISTRATORS,))
    for user in users.values():
        yield Principal(identity(user.name), "user", user.name, user.display_name, user.groups)
    yield _build_service(settings, "Project Collection")
    for client in settings.applications:
        key = client.lower()
        name = settings.application_names.get(client, f"application {key}")
        yield Principal(identity(key), "application", key, name, (), key)
