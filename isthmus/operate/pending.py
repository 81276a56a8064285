"""What waits for a person: versions in the registry, and stages of runs in Azure DevOps; the oldest first.

How it is decided is said, not done: that is `approve`, `reject` and `azure approve`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

from isthmus import names
from isthmus.config import Platform
from isthmus.operate import registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.age import since
from isthmus.operate.devops import Said
from isthmus.operate.registry import Version


@dataclass(frozen=True)
class Waiting:
    """One decision that somebody has to take; `version` is what it is about, where that is known."""

    kind: Literal["version", "stage"]
    name: str
    age: timedelta
    since: str
    approvers: tuple[str, ...]
    about: tuple[str, ...]
    do: str
    link: str
    version: Version | None = None

    def as_dict(self) -> dict[str, Any]:
        """For machines; `inside_noise` is null where the version was compared with none."""
        keys = ("kind", "name", "since", "approvers", "about", "do", "link")
        gain = self.version.gain if self.version else None
        return {key: getattr(self, key) for key in keys} | {
            "age_seconds": int(self.age.total_seconds()),
            "version": self.version.arn if self.version else None,
            "metric": self.version.metric if self.version else {},
            "gain": asdict(gain) if gain else None,
            "inside_noise": gain.is_noise if gain else None,
        }


def every(accounts: Accounts, models: list[str], said: Said) -> list[Waiting]:
    """All that waits, the oldest first."""
    sagemaker = accounts.client("automation", "sagemaker")
    waiting = [one for model in models for one in registry.pending(sagemaker, model)]
    found = [_version(accounts.platform, one) for one in waiting]
    return sorted([*found, *_stages(sagemaker, said)], key=lambda one: one.age, reverse=True)


def _version(platform: Platform, version: Version) -> Waiting:
    run = version.metadata.get("run_id", "")
    return Waiting(
        kind="version",
        name=version.name,
        age=since(version.created),
        since=version.created,
        approvers=(f"whoever may be {names.approver_role(platform)}",),
        about=("model registry",),
        do=f"isthmus approve {version.model} {version.number}",
        link=run_link(platform, run) if run.isdigit() else "",
        version=version,
    )


def run_link(platform: Platform, run: str | int) -> str:
    """The page of a run, whose summary holds the evidence."""
    base = platform.azure.organization_url.rstrip("/")
    return f"{base}/{quote(platform.azure.project)}/_build/results?buildId={run}"


def _stages(sagemaker: Any, said: Said) -> Iterator[Waiting]:
    """One decision a run: the environment and the service connection ask the same people at once."""
    for number in dict.fromkeys(one.run for one in said.pending):
        asked = [one for one in said.pending if one.run == number]
        run = said.run(str(number))
        oldest = min(one.created for one in asked)
        yield Waiting(
            kind="stage",
            name=f"run {number} of {asked[0].pipeline or (run.pipeline if run else 'a pipeline')}",
            age=since(oldest),
            since=oldest,
            approvers=tuple(sorted({person for one in asked for person in one.approvers})),
            about=tuple(sorted({one.about for one in asked})),
            do=f"isthmus azure approve {number}",
            link=run.url if run else "",
            version=_that_runs(sagemaker, run.parameters.get("modelPackageArn", "") if run else ""),
        )


def _that_runs(sagemaker: Any, arn: str) -> Version | None:
    """The version that a run deploys; None of a run that names none, or one that is there no more."""
    if ":model-package/" not in arn:
        return None
    try:
        return registry.describe(sagemaker, arn)
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
