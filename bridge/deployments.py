"""The registry is the truth: a model's approved versions get their runs, once, in the order of approval.

An event says that there is something to do; what there is to do, the registry and the runs say. So an
approval whose event is late or never comes gets its run before the one that was approved after it, and the
reconciler, which no event asked, is the same look. A run carries the moment to which the registry was
modified by then, and does all approvals of its version up to that: however many past ones events tell of, a
version gets no further run that was not modified since.

It does not see a version that has had a run, was rejected, and was approved again by an event that got lost:
the registry keeps when a version was modified last, not when it was approved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bridge import carry, lease, registry
from bridge.azure import azure_devops
from bridge.envelope import RECONCILER
from bridge.run import Queued, Run, deployment
from bridge.trace import Hop, Trace, ignored, logger
from bridge.web import Retryable
from isthmus import agreement
from isthmus.agreement import PATIENCE, Version, iso

# Of a moment as ISO text: as many characters as it takes to say the second.
SECOND = len("2026-11-20T10:00:00")


def approved(model: str, arn: str, at: str, correlation_id: str) -> Hop:
    """What becomes of an approval at that moment: its run, after those that earlier approvals still lack."""
    wanted = deployment(model, arn, at, correlation_id)
    with lease.held(wanted.pipeline):
        runs = azure_devops().runs(wanted.pipeline)
        if not any(one.covers(wanted) for one in runs):
            package = registry.find(arn)
            if package is None:
                return ignored("the version was deleted")
            version = agreement.version(package)
            if gone := _withdrawn(version, at):
                return gone
            # They are one, but for parts of a second, and for what changed the version since it was approved.
            earlier, later = sorted((at, iso(version.changed)))
            wanted = deployment(model, arn, earlier, correlation_id).as_of(later)
            if instead := _overtaken(wanted, runs):
                return instead
            others = [one for one in registry.latest(model, "Approved") if one != arn]
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
    if agreement.overtaken(wanted.rank, runs):
        return Hop("overtaken", {"reason": "a version that was approved later has had its run"})
    return None


def _withdrawn(version: Version, at: str) -> Hop | None:
    """Where the registry says otherwise by now; raises `Retryable` where it knows of no change since then."""
    changed = iso(version.changed)
    # To the second: the registry may keep no more of a moment than that.
    if changed[:SECOND] < at[:SECOND]:
        raise Retryable(f"the registry calls the version {version.approval} since {changed}, before {at}")
    if version.approval == "Approved":
        return None
    return Hop("withdrawn", {"reason": f"approved then, and {version.approval} since"})


def _missing(model: str, listed: Sequence[str], runs: Sequence[Queued]) -> list[Run]:
    """The runs of the approved versions that run nowhere and never had one; the earliest first.

    Each under the key that its event would have had, so that an event that comes after all finds the run.
    """
    has_run = agreement.deployed(runs)
    versions = [agreement.version(registry.describe(arn)) for arn in listed if arn not in has_run]
    return [
        deployment(model, one.arn, iso(one.changed), f"{RECONCILER}{one.model}-{one.number}")
        for one in agreement.without_run(versions, runs, datetime.now(UTC))
    ]
