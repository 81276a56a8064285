"""Who somebody is: of Azure DevOps by the account, which is unique, and of AWS by the name signed in with.

Names that are shown are no ground: two people may share one. What follows from it is for `duties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """Somebody or something in Azure DevOps; `account` is dana@contoso.example, and empty where unknown.

    https://learn.microsoft.com/azure/devops/organizations/security/about-security-identity
    """

    name: str = ""
    account: str = ""
    descriptor: str = ""

    def __str__(self) -> str:
        return self.name or self.account

    @property
    def is_application(self) -> bool:
        """A service principal of Entra, such as the bridge, and nobody of flesh."""
        return self.descriptor.startswith("aadsp.")


NOBODY = Person()


def person(identity: Mapping[str, Any] | None) -> Person:
    """Whom an IdentityRef means; of none, a person who is not known."""
    found = identity or {}
    return Person(*(str(found.get(key) or "") for key in ("displayName", "uniqueName", "descriptor")))


def same(one: Person, other: Person) -> bool:
    return bool(one.account) and one.account.casefold() == other.account.casefold()


def signs_in_as(one: Person, name: str, people: Mapping[str, str]) -> bool:
    """Whether `name` of AWS is that person's: dana@contoso.example, or dana where AWS knows no more.

    `people` says it of those whose name of AWS is another one: `approvals.people` of platform.yaml.
    """
    account, meant = one.account.casefold(), people.get(name, name).casefold()
    own = account if "@" in meant else account.rpartition("\\")[2].partition("@")[0]
    return bool(own) and own == meant
