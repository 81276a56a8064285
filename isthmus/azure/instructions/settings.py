"""Switches of all the project's pipelines, and for how long it keeps their runs."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import RETENTION, SETTINGS, SETTINGS_VERSION, Present
from isthmus.azure.resources import Setting


@dataclass(frozen=True)
class SwitchOn(Instruction):
    """`was` is None where there is no project yet."""

    setting: Setting
    was: bool | None = None

    @property
    def summary(self) -> str:
        return f"{'+' if self.was is None else '~'} pipelines of the project: {self.setting.what}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return () if self.was is None else (Difference(self.setting.name, self.was, True),)

    def carry_out(self, present: Present) -> None:
        present.client.patch(SETTINGS, {self.setting.name: True}, version=SETTINGS_VERSION)


@dataclass(frozen=True)
class KeepRuns(Instruction):
    """`was` is None where there is no project yet."""

    days: int
    was: int | None = None

    @property
    def summary(self) -> str:
        sign = "+" if self.was is None else "~"
        return f"{sign} pipelines of the project: runs are kept for {self.days} days"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return () if self.was is None else (Difference("runRetention", self.was, self.days),)

    def carry_out(self, present: Present) -> None:
        present.client.patch(RETENTION, {"runRetention": {"value": self.days}}, version=SETTINGS_VERSION)
