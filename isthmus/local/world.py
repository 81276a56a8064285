"""The demo's world: its people, each in the environment that `isthmus env` gives, and what they wait for.

What they do, and in which order, is the demo's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3

from isthmus import aws, names
from isthmus.azure import runs
from isthmus.azure.client import Client, connect
from isthmus.azure.follow import logs
from isthmus.config import ModelConfig, Platform, read_platform
from isthmus.errors import NotFound, Problem
from isthmus.local.identity import acting_as
from isthmus.local.platform import Local
from isthmus.local.scene import Scene

Found = TypeVar("Found")
POLL_SECONDS = 0.25
# A laptop may be busy: this is only for what never comes.
LONGEST_WAIT = 600.0
# How a verdict begins that is no success of a build and no error of the platform.
NOT_REGISTERED = "not registered: "


@dataclass
class World:
    """A scene, the clouds that it is played in, and the folder of its state."""

    scene: Scene
    local: Local
    state: Path

    @property
    def model(self) -> ModelConfig:
        return self.scene.model

    @property
    def platform(self) -> Platform:
        """The platform as product code reads it in the environment of who acts."""
        return read_platform(self.scene.platform_file)

    # ---- who acts

    def acting(self, user: str) -> AbstractContextManager[None]:
        return acting_as(user, self.local)

    def client(self) -> Client:
        return connect(self.platform)

    def session(self, account: str) -> boto3.Session:
        """Who acts, as the operator of an account (automation, staging, prod)."""
        platform = self.scene.platform
        number = getattr(platform.accounts, account)
        return aws.session(platform.region, number, names.operator_role(platform))

    def sagemaker(self, account: str) -> Any:
        return self.session(account).client("sagemaker")

    # ---- waiting

    def until(self, look: Callable[[], Found | None], what: str) -> Found:
        """What `look` finds; raises `Problem` where it finds nothing for ten minutes."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not (found := look()):
            if time.monotonic() > deadline:
                raise Problem(
                    f"waited {LONGEST_WAIT:.0f} s in vain until {what}", where=str(self.local.state)
                )
            time.sleep(POLL_SECONDS)
        return found

    def newest(self, pipeline: str) -> runs.Run:
        client = self.client()
        return self.until(
            lambda: next(iter(runs.every(client, pipeline, top=1)), None), f"a run of {pipeline} starts"
        )

    def ended(self, run: runs.Run) -> runs.Run:
        return runs.wait(self.client(), run.id, timeout=LONGEST_WAIT, every_seconds=POLL_SECONDS)

    def succeeded(self, run: runs.Run) -> runs.Run:
        """Follow a run to its end; raises `Problem` with its failed steps."""
        ended = self.ended(run)
        self.assert_not_failed(ended)
        return ended

    def assert_not_failed(self, run: runs.Run) -> None:
        if run.is_over and run.result not in ("succeeded", "partiallySucceeded"):
            reasons = "\n".join(runs.failures(self.client(), run.id)) or "see its log"
            raise Problem(
                f"run {run.id} of {run.pipeline} {run.result}:\n{reasons}",
                where=run.url,
                todo="the end of its log:\n" + self.tail(run),
            )

    def verdict(self, run: runs.Run) -> str:
        """Why the run registered no version, as it said itself; empty where it did not say so."""
        said = runs.issues(self.client(), run.id)
        return next((one for one in said if one.startswith(NOT_REGISTERED)), "")

    def tail(self, run: runs.Run) -> str:
        """The end of what the failed steps wrote, or all steps where none failed."""
        try:
            lines = [line for _, text in logs(self.client(), run.id) for line in text.splitlines()]
        except NotFound:
            return ""
        return "\n".join(lines[-15:])
