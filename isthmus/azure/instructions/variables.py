"""Variable groups: made, or given the values of platform.yaml again."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present
from isthmus.azure.resources import Kind, VariableGroup


@dataclass(frozen=True)
class PutVariableGroup(Instruction):
    """Make a variable group, or (with `id`) change the one that is there."""

    group: VariableGroup
    id: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        names = ", ".join(name for name, _ in self.group.values)
        return f"{'~' if self.id else '+'} variable group {self.group.name}: {names}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return None if self.id else ("variablegroup", self.group.name)

    def carry_out(self, present: Present) -> None:
        about = {"name": self.group.name, "description": self.group.description}
        project = {"id": present.project(), "name": present.client.project}
        body = about | {
            "type": "Vsts",
            "variables": {name: {"value": value, "isSecret": False} for name, value in self.group.values},
            "variableGroupProjectReferences": [about | {"projectReference": project}],
        }
        client = present.clients.get_task_agent_client()
        if self.id:
            client.update_variable_group(body, self.id)
        else:
            client.add_variable_group(body)
