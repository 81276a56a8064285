"""A version that serves and is no longer approved makes room for the approved one that served before it.

So does one that is compared with what serves, when its own alarm goes off; until then it answers nobody.
By the same pipeline as any deployment, with its gates and approvals. That it lost its approval people
are told by a rule (`cdk/parts/announcements.py`); here, where there is none to make room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bridge import carry, deployments, fallback, lease, notices, registry
from bridge.azure import azure_devops
from bridge.envelope import RECONCILER
from bridge.notices import Waiting
from bridge.run import Queued, Run, instead, rollback
from bridge.trace import Hop, Trace, ignored
from isthmus.agreement import iso
from isthmus.names import COMPARED, SERVES

WITHDRAWN = ("Rejected", "PendingManualApproval")


def withdrawn(model: str, arn: str, at: str, correlation_id: str, after: int = 0) -> Hop:
    """What becomes of a version that lost its approval at that moment, which run `after` deployed before."""
    with lease.held(f"{model}-deploy"):
        runs = azure_devops().runs(f"{model}-deploy")
        wanted = rollback(model, arn, at, correlation_id, "lost its approval", after)
        if any(one.covers(wanted) for one in runs):
            return carry.once(wanted, runs)
        package = registry.find(arn)
        if package is None or package["ModelApprovalStatus"] not in WITHDRAWN or not _serves(package):
            return ignored("the version serves nothing, was approved again, or was deleted")
        hop = _make_room(model, package, wanted, runs)
    if hop.name == "noticed":
        notices.tell(_undecided(model, package, at))
    return hop


def compared(model: str, at: str) -> Mapping[str, Any] | None:
    """The version that is compared in prod since before that moment."""
    arns = (one for status in ("Approved", *WITHDRAWN) for one in registry.latest(model, status))
    for package in map(registry.describe, arns):
        cycle = package.get("ModelLifeCycle", {})
        if (cycle.get("Stage"), cycle.get("StageStatus")) == ("prod", COMPARED):
            since = package.get("CustomerMetadataProperties", {}).get("prod_compared_at", at)
            return package if datetime.fromisoformat(since) <= datetime.fromisoformat(at) else None
    return None


def fall_back(model: str, package: Mapping[str, Any]) -> Exception | None:
    """Have a version that is compared in prod answer nobody.

    Traffic does not wait for people, as the run that ends the comparison does: where an approved version
    serves, it has all of it. Gives the error that kept it from that, which must not keep back the run.
    """
    if not _before(model, package):
        return None
    try:
        fallback.fall_back(model)
    except (BotoCoreError, ClientError) as error:
        return error
    return None


def failing(model: str, package: Mapping[str, Any], alarm: str, at: str, correlation_id: str) -> Hop:
    """What becomes of a version that is compared in prod, whose own alarm went off at that moment."""
    with lease.held(f"{model}-deploy"):
        runs, why = azure_devops().runs(f"{model}-deploy"), f"is compared, and its alarm {alarm} went off"
        wanted = rollback(model, package["ModelPackageArn"], at, correlation_id, why)
        if any(one.covers(wanted) for one in runs):
            return carry.once(wanted, runs)
        return _make_room(model, package, wanted, runs)


def _make_room(model: str, package: Mapping[str, Any], wanted: Run, runs: Sequence[Queued]) -> Hop:
    """Queue the run, with what served before; the caller holds the pipeline's lease."""
    arn, before = package["ModelPackageArn"], _before(model, package)
    if deployments.catch_up(model, runs, wanted.moment) or _on_its_way(arn, before, runs):
        return ignored("another version is on its way, and takes the place of this one")
    if before is None:
        return Hop("noticed", {"reason": "no approved version served before it: a person must decide"})
    return carry.once(instead(wanted, before), runs)


def _undecided(model: str, package: Mapping[str, Any], at: str) -> Waiting:
    arn, stage = package["ModelPackageArn"], package["ModelLifeCycle"]["Stage"]
    number = package["ModelPackageVersion"]
    return Waiting(
        subject=f"{arn}#withdrawn {at}",
        what=f"Version {number} of {model} is not approved, and serves {stage}",
        since=datetime.fromisoformat(at),
        lines=lambda: [
            "It would make room for the approved version that served before it, and there is none: decide.",
            f"Do: isthmus models {model}, and approve a better one: isthmus approve {model} VERSION",
            f"Or: isthmus approve {model} {number}, if it may serve after all",
        ],
    )


def repair(model: str, arn: str, trace: Trace) -> None:
    """As `withdrawn`, for a version whose event never came."""
    package = registry.describe(arn)
    identity = f"{RECONCILER}{model}-{package['ModelPackageVersion']}"
    # An older run took it away before it was deployed anew.
    after = _number(package, package.get("ModelLifeCycle", {}).get("Stage", ""))
    hop = withdrawn(model, arn, iso(package["LastModifiedTime"]), identity, after)
    trace.hop(hop.name, **hop.details)


def _serves(package: Mapping[str, Any]) -> bool:
    """Whether its deployment wrote down that it serves a stage, alone or beside another; none undid it."""
    return package.get("ModelLifeCycle", {}).get("StageStatus") in (SERVES, COMPARED)


def _on_its_way(arn: str, before: str | None, runs: Sequence[Queued]) -> bool:
    """Whether a run goes on that takes its place: the bridge's, or anybody's that rolls back as wanted."""
    going = [one for one in runs if not one.over]
    deploys = {one.parameters.get("modelPackageArn") for one in going if one.ours} - {arn}
    return bool(deploys) or any(before and one.parameters.get("modelPackageArn") == before for one in going)


def _before(model: str, package: Mapping[str, Any]) -> str | None:
    """The approved version that the newest run brought to its stage, but for those that were rolled back.

    As `isthmus rollback` chooses it.
    """
    stage = package["ModelLifeCycle"]["Stage"]
    others = map(registry.describe, registry.latest(model, "Approved"))
    runs = {_run(one, stage): str(one["ModelPackageArn"]) for one in others}
    return runs[max(runs)] if any(runs) else None


def _run(package: Mapping[str, Any], stage: str) -> int:
    """The number of the run that brought it to the stage; 0 where none did, or it was rolled back there.

    So of one that is compared there with what serves: it never served alone.
    """
    if package.get("ModelLifeCycle", {}).get("StageStatus") == COMPARED:
        return 0
    rolled_back = package.get("CustomerMetadataProperties", {}).get(f"{stage}_rolled_back")
    return 0 if rolled_back else _number(package, stage)


def _number(package: Mapping[str, Any], stage: str) -> int:
    number = package.get("CustomerMetadataProperties", {}).get(f"{stage}_run_id", "")
    return int(number) if number.isdecimal() else 0
