"""The configuration of the stand-in, as the file given by `--config` says it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput


@dataclass(frozen=True)
class User:
    """A person who may sign in, and the groups that she is a member of."""

    name: str
    display_name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Credential:
    """A federated credential of an Entra application: whose tokens it signs in by."""

    subject: str
    issuer: str
    audience: str


@dataclass(frozen=True)
class Settings:
    organization: str
    organization_id: str
    tenant_id: str
    issuer: str
    aws_url: str = ""
    aws_jwks_url: str = ""
    # Entra's applications that may sign in: client id → its federated credentials.
    applications: dict[str, tuple[Credential, ...]] = field(default_factory=dict)
    # What people see in place of a client id.
    application_names: dict[str, str] = field(default_factory=dict)
    # Entra's applications that stand for an API: client id → client id of a caller → its app roles.
    apis: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    entra_issuer: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    users: tuple[User, ...] = ()
    # How many jobs run at a time, as an organization buys 'parallel jobs'.
    parallel_jobs: int = 4


def read(path: Path) -> Settings:
    """Read the configuration; raises `BadInput` for a key that is missing or not known."""
    given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known = {one.name for one in fields(Settings)}
    if unknown := sorted(set(given) - known):
        raise BadInput(
            f"unknown key {unknown[0]!r}", where=str(path), todo=f"allowed: {', '.join(sorted(known))}"
        )
    given["applications"] = {
        client: tuple(Credential(one["subject"], one["issuer"], one["audience"]) for one in credentials)
        for client, credentials in given.get("applications", {}).items()
    }
    given["apis"] = {
        api.lower(): {client.lower(): roles for client, roles in callers.items()}
        for api, callers in given.get("apis", {}).items()
    }
    given["users"] = tuple(
        User(one["name"], one.get("display_name", one["name"]), tuple(one.get("groups", ())))
        for one in given.get("users", ())
    )
    try:
        return Settings(**given)
    except TypeError as error:
        raise BadInput(f"incomplete configuration: {error}", where=str(path)) from None
