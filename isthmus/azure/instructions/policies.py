"""Branch policies on main."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure import policies
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present
from isthmus.azure.resources import Kind, Policy


@dataclass(frozen=True)
class PutPolicy(Instruction):
    """Make a branch policy on main, or (with `id`) change the one that is there."""

    policy: Policy
    id: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} branch policy on {self.policy.repository} main: {policies.asks(self.policy)}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return None if self.id else ("policy", policies.name(self.policy))

    def carry_out(self, present: Present) -> None:
        client, project = present.clients.get_policy_client(), present.client.project
        body = {
            "type": {"id": policies.type_of(self.policy)},
            "isEnabled": True,
            "isBlocking": True,
            "settings": policies.settings(self.policy, present),
        }
        if self.id:
            client.update_policy_configuration(body, project, self.id)
        else:
            client.create_policy_configuration(body, project)
