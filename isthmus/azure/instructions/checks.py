"""Checks on environments and service connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.azure.differences import Difference
from isthmus.azure.guards import APPROVAL, EXCLUSIVE_LOCK, EXTENDS, TASK
from isthmus.azure.instructions.instruction import Instruction, there
from isthmus.azure.present import CHECKS, Present
from isthmus.azure.resources import CALLED, Check


@dataclass(frozen=True)
class PutCheck(Instruction):
    """Make a check, or (with `id`) change the one that is there."""

    check: Check
    id: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} {self.check.label} on {CALLED[self.check.resource_type]} {self.check.resource}"

    def carry_out(self, present: Present) -> None:
        check = self.check
        key = there(
            present.resource(check.resource_type, check.resource), check.resource_type, check.resource
        )
        body = {
            "type": {"id": check.type, "name": _TYPE_NAMES.get(check.type, "Approval")},
            "settings": settings(check, present),
            "resource": {"type": check.resource_type, "id": key, "name": check.resource},
            "timeout": check.timeout,
            "isDisabled": False,
        }
        path = "pipelines/checks/configurations"
        if self.id:
            present.client.patch(f"{path}/{self.id}", body | {"id": self.id}, version=CHECKS)
        else:
            present.client.post(path, body, version=CHECKS)


@dataclass(frozen=True)
class RemoveCheck(Instruction):
    """Remove a check of ours from an environment."""

    environment: str
    label: str
    id: int

    @property
    def summary(self) -> str:
        return f"- {self.label} on environment {self.environment}"

    def carry_out(self, present: Present) -> None:
        present.client.delete(f"pipelines/checks/configurations/{self.id}", version=CHECKS)


_TYPE_NAMES = {
    EXCLUSIVE_LOCK: "ExclusiveLock",
    EXTENDS: "ExtendsCheck",
    TASK: "Task Check",
}


def settings(check: Check, present: Present) -> dict[str, Any]:
    """A check's settings, with the ids of its approvers."""
    if check.type != APPROVAL:
        return check.settings
    return check.settings | {"approvers": [{"id": present.identity(name)} for name in check.approvers]}
