"""Security roles on environments, service connections and variable groups."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import SECURITY_ROLES, Present


@dataclass(frozen=True)
class TakeRole(Instruction):
    """Take from somebody the role that was given to him or her by name; what is inherited stays."""

    scope: str
    resource: str
    identity: str
    who: str
    role: str
    place: str

    @property
    def summary(self) -> str:
        return f"~ {self.place}: {self.who} is no longer its {self.role}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (Difference("role", self.role, "none"),)

    def carry_out(self, present: Present) -> None:
        path = f"/securityroles/scopes/{self.scope}/roleassignments/resources/{self.resource}/{self.identity}"
        present.client.delete(path, version=SECURITY_ROLES)
