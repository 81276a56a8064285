"""Run a plan: stages and jobs in the order of their dependencies, each as soon as it may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.local.pipelines.attempts import NOTHING, Earlier
from isthmus.local.pipelines.graph import in_order, total
from isthmus.local.pipelines.host import Host, Result, RunContext, VariableValue
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.runtime import Outcome
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.shared import Run
from isthmus.local.pipelines.stage_run import StageRun
from isthmus.local.pipelines.tasks import refuse_unsupported
from isthmus.local.pipelines.timeline import Timeline

AGENTS = 4


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    result: Result
    stages: Mapping[str, Outcome] = field(default_factory=dict)


def execute(
    plan: Plan,
    context: RunContext,
    host: Host,
    work: Path,
    *,
    variables: Mapping[str, VariableValue] | None = None,
    skip: Collection[str] = (),
    counter: Callable[[str, int], int] | None = None,
    agents: int = AGENTS,
    earlier: Earlier = NOTHING,
) -> Ended:
    """Run every stage that its condition admits, and return when all have ended.

    Parameters
    ----------
    work : folder for the jobs' workspaces; emptied of them again.
    variables : given when the run was queued.
    skip : names of stages that are not to run (`stagesToSkip`); `Refused` by `check_skips` beforehand.
    counter : `Sources.counter`.
    agents : how many jobs may run at a time.
    earlier : what stands from earlier attempts, where a run goes on with a stage.

    Raises
    ------
    BadInput
        A task or an input that cannot run here, with file and line, before anything has run.
    """
    refuse_unsupported(plan)
    masker = Masker()
    run = Run(
        plan=plan,
        context=context,
        host=host,
        work=work,
        timeline=Timeline(host, context.plan_id or str(context.build_id)),
        masker=masker,
        queued=variables or {},
        counter=counter,
        agents=threading.BoundedSemaphore(agents),
        earlier=earlier,
        cancelled=host.cancelled,
    )
    stages = {
        stage.name: StageRun(run.within(stage.name), stage, order, stage.name in skip)
        for order, stage in enumerate(plan.stages, 1)
        if not earlier.outcome(stage.name)
    }
    outcomes = in_order(
        {stage.name: stage.depends_on for stage in plan.stages},
        lambda name, done: earlier.outcome(name) or stages[name].run(done),
    )
    result = total(list(outcomes.values()), cancelled=host.cancelled.is_set())
    return Ended("succeeded" if result == "skipped" else result, outcomes)
