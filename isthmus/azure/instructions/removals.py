"""What apply made, removed again; whether it was apply that made it is the plan's to know."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure import marks
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present


@dataclass(frozen=True)
class Remove(Instruction):
    """Remove the thing of that mark, with its checks and permissions; then the mark."""

    mark: marks.Mark

    @property
    def summary(self) -> str:
        return f"- {self.mark.thing}"

    def carry_out(self, present: Present) -> None:
        clients, project, key = present.clients, present.client.project, self.mark.id
        if self.mark.kind == "connection":
            clients.get_service_endpoint_client().delete_service_endpoint(
                key, [present.project()], deep=False
            )
        elif self.mark.kind == "variablegroup":
            clients.get_task_agent_client().delete_variable_group(int(key), [present.project()])
        elif self.mark.kind == "policy":
            clients.get_policy_client().delete_policy_configuration(project, int(key))
        elif self.mark.kind == "pipeline":
            _release(present, int(key))
            clients.get_build_client().delete_definition(project, int(key))
        elif self.mark.kind == "environment":
            clients.get_task_agent_client().delete_environment(project, int(key))
        else:
            clients.get_git_client().delete_repository(key, project)
        marks.erase(present, [self.mark])


@dataclass(frozen=True)
class Forget(Instruction):
    """Erase the mark of a thing that is gone."""

    mark: marks.Mark

    @property
    def summary(self) -> str:
        return f"- the mark of {self.mark.thing}, which is gone"

    def carry_out(self, present: Present) -> None:
        marks.erase(present, [self.mark])


def _release(present: Present, pipeline: int) -> None:
    """Azure DevOps keeps the last runs of each branch by leases, and deletes no pipeline that has one."""
    client, project = present.clients.get_build_client(), present.client.project
    leases = client.get_retention_leases_by_owner_id(project, definition_id=pipeline)
    if leases:
        client.delete_retention_leases_by_id(project, [one.lease_id for one in leases])
