"""The registry is the truth: a model's approved versions get their runs, once, in the order of approval.

An event says that there is something to do; what there is to do, the registry and the runs say. So an
approval whose event is late or never comes gets its run before the one that was approved after it, and the
reconciler, which no event asked, is the same look.

It does not see a version that has had a run, was rejected, and was approved again by an event that got lost:
the registry keeps when a version was modified last, not when it was approved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge import carry, lease, registry
from bridge.azure import azure_devops
from bridge.envelope import RECONCILER, iso
from bridge.run import Queued, Run, deployment
from bridge.trace import Hop, Trace, ignored, logger
from bridge.web import Retryable

# An event is late before it is lost; and an approval of last month is history, not a loss.
PATIENCE = timedelta(minutes=5)
MEMORY = timedelta(days=7)


def approved(model: str, arn: str, at: str, correlation_id: str) -> Hop:
    """What becomes of an approval at that moment: its run, after those that earlier approvals still lack."""
    wanted = deployment(model, arn, at, correlation_id)
    with lease.held(wanted.pipeline):
        runs = azure_devops().runs(wanted.pipeline)
        if not any(one.covers(wanted) for one in runs):
            listed = registry.latest(model, "Approved")
            gone = None if arn in listed else _withdrawn(arn, at)
            if instead := gone or _overtaken(wanted, runs):
                return instead
            others = [one for one in listed if one != arn]
            missing = _missing(model, others, runs)
            _catch_up(model, [run for run in missing if run.rank < wanted.rank], runs)
        return carry.once(wanted, runs)


def repair(model: str) -> int:
    """Queue what is missing though no event asked; returns how many runs. Raises `lease.Held`."""
    with lease.held(f"{model}-deploy"):
        return catch_up(model, azure_devops().runs(f"{model}-deploy"), iso(datetime.now(UTC) - PATIENCE))


def catch_up(model: str, runs: Sequence[Queued], before: str) -> int:
    """Queue the runs that approvals before that moment still lack; the caller holds the pipeline's lease."""
    missing = _missing(model, registry.latest(model, "Approved"), runs)
    return _catch_up(model, [run for run in missing if run.moment < before], runs)


def _catch_up(model: str, missing: Sequence[Run], runs: Sequence[Queued]) -> int:
    """Queue the missing runs, the earliest approval first, but none that a later one has overtaken."""
    due = [run for run in missing if not _overtaken(run, runs)]
    if missing:
        logger.info("missing runs", model=model, missing=[run.key for run in missing], queued=len(due))
    for run in due:
        trace = Trace()
        trace.follow(run.parameters["correlationId"])
        trace.about("approval", model, model_package_arn=run.parameters["modelPackageArn"])
        hop = carry.once(run, runs)
        trace.hop(hop.name, **hop.details)
    return len(due)


def _overtaken(wanted: Run, runs: Sequence[Queued]) -> Hop | None:
    if any(one.rank > wanted.rank for one in runs):
        return Hop("overtaken", {"reason": "a version that was approved later has had its run"})
    return None


def _withdrawn(arn: str, at: str) -> Hop | None:
    """Where the registry says otherwise by now; raises `Retryable` where it does not say so yet."""
    package = registry.find(arn)
    if package is None:
        return ignored("the version was deleted")
    status = package["ModelApprovalStatus"]
    if status == "Approved":
        return None
    if iso(_modified(package)) < at:
        raise Retryable(f"the registry still calls the version {status}")
    return Hop("withdrawn", {"reason": f"approved then, and {status} since"})


def _missing(model: str, listed: Sequence[str], runs: Sequence[Queued]) -> list[Run]:
    """The runs of the approved versions that run nowhere and never had one; the earliest first.

    Each under the key that its event would have had, so that an event that comes after all finds the run.
    """
    # A person's run that goes on does what is missing; one that is over may have been cancelled to hide it.
    deployed = {one.parameters.get("modelPackageArn") for one in runs if one.ours or not one.over}
    found = [_wanted(model, arn) for arn in listed if arn not in deployed]
    return sorted((run for run in found if run), key=lambda run: run.rank)


def _wanted(model: str, arn: str) -> Run | None:
    package = registry.describe(arn)
    modified = _modified(package)
    # What was never modified was registered as approved: that is no person's approval.
    by_a_person = modified > package["CreationTime"]
    complete = package["ModelPackageStatus"] == "Completed"
    remembered = datetime.now(UTC) - modified < MEMORY
    if not (by_a_person and complete and remembered) or package.get("ModelLifeCycle"):
        return None
    return deployment(model, arn, iso(modified), f"{RECONCILER}{model}-{package['ModelPackageVersion']}")


def _modified(package: dict[str, Any]) -> datetime:
    found: datetime = package.get("LastModifiedTime") or package["CreationTime"]
    return found
