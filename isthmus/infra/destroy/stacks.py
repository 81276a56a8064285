"""Deleting stacks."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.infra.administrator import Client
from isthmus.infra.change import remove
from isthmus.infra.destroy.step import gone_is_good


@dataclass(frozen=True)
class DeleteStack:
    name: str
    what: str

    @property
    def summary(self) -> str:
        return f"- stack {self.name}: {self.what}"

    def carry_out(self, client: Client) -> None:
        """Its termination protection is lifted first. Raises `Problem` with what could not be deleted."""
        cfn = client("cloudformation")
        with gone_is_good():
            cfn.update_termination_protection(StackName=self.name, EnableTerminationProtection=False)
            remove(cfn, self.name)
