"""What Azure DevOps adds to what AWS knows: runs, and the stages that wait for people.

Only where somebody is signed in to it; else the answer says that it was not asked, and why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.config import Platform
from isthmus.errors import Problem

if TYPE_CHECKING:
    from isthmus.azure.approvals import Approval
    from isthmus.azure.client import Client
    from isthmus.azure.runs import Run


@dataclass(frozen=True)
class Said:
    """What Azure DevOps said. `problem` is why it said nothing: not asked, or it refused."""

    runs: list[Run] = field(default_factory=list)
    pending: list[Approval] = field(default_factory=list)
    problem: Problem | None = None
    asked: bool = False

    @property
    def why_not(self) -> str:
        if self.problem is None:
            return ""
        return f"Azure DevOps was {'asked in vain' if self.asked else 'not asked'}: {self.problem.what}"

    @property
    def word(self) -> str:
        """For machines: `asked`, or why not."""
        return self.why_not or "asked"

    def as_dict(self, *, latest: int) -> dict[str, Any]:
        """For machines; null is what is not known."""
        known = self.problem is None
        return {
            "pending_stages": [asdict(one) for one in self.pending] if known else None,
            "runs": [asdict(one) for one in self.runs[:latest]] if known else None,
            "azure": self.word,
        }

    def run(self, number: str) -> Run | None:
        return next((run for run in self.runs if str(run.id) == number), None)


def ask(platform: Platform, models: Iterable[str], *, top: int = 100) -> Said:
    """The newest runs of the models' pipelines and the infrastructure's, and the approvals they wait for."""
    from isthmus.azure import approvals, runs
    from isthmus.azure.client import TOKENS, connect

    try:
        client = connect(platform)
        ours = {names.INFRASTRUCTURE_PIPELINE, *(one for model in models for one in _pipelines(model))}
        found = [run for run in runs.every(client, top=top) if run.pipeline in ours]
        waiting = [one for one in approvals.pending(client) if not one.pipeline or one.pipeline in ours]
        return Said(found, _with_runs(client, waiting, found), asked=True)
    except Problem as problem:
        return Said(problem=problem, asked=any(os.environ.get(name) for name in TOKENS))


def _pipelines(model: str) -> tuple[str, ...]:
    return (
        names.build_pipeline(model),
        names.pull_request_pipeline(model),
        names.deploy_pipeline(model),
        names.deploy_check_pipeline(model),
    )


def _with_runs(client: Client, waiting: list[Approval], found: list[Run]) -> list[Approval]:
    """The approvals with the run that each belongs to, also where Azure DevOps does not say it."""
    from isthmus.azure import approvals

    if all(one.run for one in waiting):
        return waiting
    return [one for run in found if not run.is_over for one in approvals.pending(client, run.id)]
