"""A run that is over goes on with its stages that failed: *Rerun failed jobs*, of a stage or of all of it.

Azure DevOps retries a stage also while others go on.
"""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.local.azure_devops import policies
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.runs import compile_again
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.attempts import ENDED_BADLY, Earlier, again, standing
from isthmus.local.pipelines.runtime import Outcome, of_stage

Stages = Mapping[str, tuple[Document, Mapping[str, Document]]]
Legs = Mapping[tuple[str, str], Mapping[str, Outcome]]


def retry(
    organization: Organization,
    run: Document,
    stage: str = "",
    *,
    every_job: bool = False,
    alone: bool = False,
) -> None:
    """Run a stage again, or all that failed or were cancelled; see `pipelines.attempts.again`.

    Raises 404 without such a stage, and 400 where the run goes on, or nothing failed in it.
    """
    records = organization.ledger.records(run)
    stages = every_stage(records)
    done = {name: _outcome(record, jobs, records) for name, (record, jobs) in stages.items()}
    asked = [stage] if stage else [name for name, one in done.items() if one.result in ENDED_BADLY]
    _require_failed(run, done, asked, every_job=every_job)
    compiled = compile_again(organization, run)
    runs_again = again(compiled.plan, done, asked, every_job=every_job, alone=alone)
    with organization.store.lock:
        if run["state"] != "completed":
            raise _refusal(run, "is in progress: its stages can be retried when it is over.")
        run |= {"state": "inProgress", "result": None, "finishedDate": None, "failure": None}
        organization.save_run(run)
    legs = {
        (name, job): standing(compiled.plan.stage(name), job, done[name].jobs[job], runs_again[name])
        for name in asked
        for job in runs_again[name] & done[name].jobs.keys()
        if not every_job
    }
    organization.ledger.set_aside(run, runs_again, _standing(stages, runs_again, legs, records))
    policies.run_changed(organization, run)
    organization.agents.start(run, compiled, _earlier(stages, done, runs_again, legs))


def _require_failed(run: Document, done: Mapping[str, Outcome], asked: list[str], *, every_job: bool) -> None:
    if not asked:
        raise _refusal(run, "has no stage that failed or was canceled.")
    for name in asked:
        if name not in done:
            raise no_stage(run, name)
        result = done[name].result
        if result not in ENDED_BADLY and not every_job:
            raise _refusal(run, f"has a stage {name} that is {result}: only forceRetryAllJobs runs it again.")


def _refusal(run: Document, why: str) -> Fault:
    return invalid(f"Build {run['id']} {why}", "InvalidBuildException")


def no_stage(run: Document, name: str) -> Fault:
    return not_found(f"There is no stage {name} in build {run['id']}.", "StageNotFoundException")


def every_stage(records: Mapping[str, Document]) -> Stages:
    """The records of stages by name, each with those of its jobs."""
    return {
        stage["refName"]: (
            stage,
            {
                one["refName"]: one
                for one in records.values()
                if (one["type"], one["parentId"]) == ("Phase", stage["id"])
            },
        )
        for stage in records.values()
        if stage["type"] == "Stage"
    }


def _outcome(stage: Document, jobs: Mapping[str, Document], records: Mapping[str, Document]) -> Outcome:
    """How a stage ended; what did not end was interrupted."""
    ended = {name: _of_job(one, records) for name, one in jobs.items()}
    return of_stage(stage["result"] or "canceled", ended)


def _of_job(job: Document, records: Mapping[str, Document]) -> Outcome:
    """How a job ended, and of a matrix each of its legs, whose outputs begin with its name."""
    outputs = {key: text for key, (text, _) in job["outputs"].items()}
    legs = {
        one["refName"]: Outcome(
            one["result"] or "canceled",
            {
                key.removeprefix(f"{one['refName']}."): text
                for key, text in outputs.items()
                if key.startswith(f"{one['refName']}.")
            },
        )
        for one in _legs(job, records)
    }
    return Outcome(job["result"] or "canceled", outputs, legs)


def _legs(job: Document, records: Mapping[str, Document]) -> list[Document]:
    return [one for one in records.values() if (one["type"], one["parentId"]) == ("Job", job["id"])]


def _standing(
    stages: Stages, runs_again: Mapping[str, set[str]], legs: Legs, records: Mapping[str, Document]
) -> set[str]:
    """The ids of what does not run again in stages that do: their other jobs, and the legs that stand."""
    jobs = {
        one["id"]
        for name in runs_again.keys() & stages.keys()
        for job, one in stages[name][1].items()
        if job not in runs_again[name]
    }
    return jobs | {
        one["id"]
        for (name, job), found in legs.items()
        for one in _legs(stages[name][1][job], records)
        if one["refName"] in found
    }


def _earlier(
    stages: Stages,
    done: Mapping[str, Outcome],
    runs_again: Mapping[str, set[str]],
    legs: Legs,
) -> Earlier:
    outcomes: dict[tuple[str, ...], Outcome] = {}
    attempts: dict[tuple[str, ...], int] = {}
    secrets: set[str] = set()
    for name, (stage, jobs) in stages.items():
        secrets |= {text for one in jobs.values() for text, is_secret in one["outputs"].values() if is_secret}
        if name not in runs_again:
            outcomes[name,] = done[name]
            continue
        attempts[name,] = stage["attempt"] + 1
        for job, record in jobs.items():
            if job in runs_again[name]:
                attempts[name, job] = record["attempt"] + 1
            else:
                outcomes[name, job] = done[name].jobs[job]
    outcomes |= {(*place, leg): one for place, found in legs.items() for leg, one in found.items()}
    return Earlier(outcomes, attempts, tuple(secrets))
