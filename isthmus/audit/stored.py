"""What of the project keeps a secret: connections that sign in by one, and variables.

What Azure DevOps lists: never a secret's value, but that it is one. Secure files, and what subscriptions of
service hooks hold, its documented API does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from isthmus.azure.present import Present
from isthmus.config.secrets import is_called_secret, is_secret

# How a connection signs in that keeps nothing; a scheme that is not here is not known to.
NO_SECRET = ("workloadidentityfederation", "managedserviceidentity", "none")
BY_CONNECTION = "it signs in by a stored token or password"


def stored(present: Present) -> Iterator[tuple[str, str]]:
    """What keeps a secret, and how: of the whole project, not only of what is ours."""
    for one in present.every("connection"):
        by = one.authorization
        if by and keeps_secret(by.scheme, by.parameters or {}):
            yield f"service connection {one.name}", BY_CONNECTION
    for group in present.every("variablegroup"):
        variables = [
            (name, str(one.value or ""), bool(one.is_secret)) for name, one in (group.variables or {}).items()
        ]
        linked = str(group.type).lower() == "azurekeyvault"
        yield from _variables(f"variable group {group.name}", variables, linked=linked)
    for definition in present.definitions():
        variables = [
            (name, str(one.get("value") or ""), bool(one.get("isSecret")))
            for name, one in (definition.get("variables") or {}).items()
        ]
        yield from _variables(f"pipeline {definition['name']}", variables)


def keeps_secret(scheme: str, parameters: Mapping[str, str | None]) -> bool:
    """Whether a connection holds a secret; a generic one without user and password is an address only."""
    if scheme.lower() != "usernamepassword":
        return scheme.lower() not in NO_SECRET
    return bool(parameters.get("username") or parameters.get("password"))


def _variables(
    where: str, variables: Iterable[tuple[str, str, bool]], *, linked: bool = False
) -> Iterator[tuple[str, str]]:
    for name, value, secret in sorted(variables):
        if secret or linked:
            yield where, f"its variable {name} is a secret"
        elif value and is_called_secret(name):
            yield where, f"its variable {name} is called as a secret is, and everybody can read it"
        elif is_secret(value):
            yield where, f"its variable {name} looks like a secret, and everybody can read it"
