"""Where the registry, the runs and what serves disagree, in words; and what a look of the bridge mends.

The bridge's reconciler goes by it, which carries this file along, and `isthmus status --check`. Nothing is
changed here. An approval of last month is history, and an event is late before it is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from isthmus import names
from isthmus.config import Stage
from isthmus.serving import MOVING, Serving, put_back

PATIENCE, MEMORY = timedelta(minutes=5), timedelta(days=7)
RUNS = 200
"""The latest runs of a model's deploy pipeline, of which it is asked what became of an approval."""
REPAIR = "isthmus status --check --repair"
# Of each approval status, in the registry's list; the newest.
LISTED = 100
STATUSES = ("Approved", "Rejected", "PendingManualApproval")
RECORDED = (names.SERVES, names.COMPARED)

Rank = tuple[str, int]
"""When a version was approved, and its number: of two of the same millisecond the higher is the later."""


class Run(Protocol):
    """A run of the model's deploy pipeline. `ours`: the bridge queued it, so what it says is believed."""

    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def ours(self) -> bool: ...
    @property
    def over(self) -> bool: ...


@dataclass(frozen=True)
class Version:
    """A version in the registry. `approval` and `state` are its statuses: of approval, and of the package."""

    arn: str
    model: str
    number: int
    approval: str
    state: str
    created: datetime
    changed: datetime
    stage: str
    stage_status: str
    # What deployments wrote down of stages.
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.model}/{self.number}"

    @property
    def rank(self) -> Rank:
        """Where its approval stands in the order of approvals."""
        return iso(self.changed), self.number

    @property
    def waits_for_a_run(self) -> bool:
        """Whether a person approved it, and no deployment has recorded anything yet."""
        # What was never changed was registered as approved: that is no person's approval.
        ready = (self.approval, self.state, self.stage) == ("Approved", "Completed", "")
        return ready and self.changed > self.created

    def records(self, stage: str, status: str = names.SERVES) -> bool:
        """Whether its deployment wrote down that it serves the stage, or is compared there."""
        return (self.stage, self.stage_status) == (stage, status)

    @property
    def config(self) -> str:
        """By which configuration it was deployed to its stage; empty where that was not written down."""
        how = "compared" if self.stage_status == names.COMPARED else "endpoint"
        return self.metadata.get(f"{self.stage}_{how}_config", "")


@dataclass(frozen=True)
class Difference:
    """`about` is a version or a model at a stage; `mends` says whether a look of the bridge repairs it.

    `arn` is the version that has `no run`, or that is `withdrawn` and serves; of an `endpoint` it is empty.
    """

    kind: Literal["no run", "withdrawn", "endpoint", "letters"]
    about: str
    what: str
    do: str
    mends: bool = False
    arn: str = ""


# ---------------------------------------------------------------- what there is


def read(
    sagemaker: Any, model: str, runs: Iterable[Run], serving: Mapping[Stage, Sequence[Serving]]
) -> list[Version]:
    """The versions that it is about: that wait for a run, are recorded at a stage, or stand behind one."""
    has_run, own = deployed(runs), f":model-package/{model}/"
    behind = [arn for here in serving.values() for one in here for arn in one.behind if own in arn]
    listed = [
        one["ModelPackageArn"]
        for status in STATUSES
        for one in _list(sagemaker, model, status)
        if _recorded(one) or (status == "Approved" and one["ModelPackageArn"] not in has_run)
    ]
    found = (find(sagemaker, arn) for arn in dict.fromkeys([*listed, *behind]))
    return [version(one) for one in found if one]


def version(described: Mapping[str, Any]) -> Version:
    """The version as DescribeModelPackage has it."""
    cycle = described.get("ModelLifeCycle") or {}
    return Version(
        arn=described["ModelPackageArn"],
        model=described["ModelPackageGroupName"],
        number=described["ModelPackageVersion"],
        approval=described["ModelApprovalStatus"],
        state=described["ModelPackageStatus"],
        created=described["CreationTime"],
        changed=described.get("LastModifiedTime") or described["CreationTime"],
        stage=cycle.get("Stage", ""),
        stage_status=cycle.get("StageStatus", ""),
        metadata=described.get("CustomerMetadataProperties") or {},
    )


def _recorded(summary: Mapping[str, Any]) -> bool:
    return (summary.get("ModelLifeCycle") or {}).get("StageStatus") in RECORDED


def _list(sagemaker: Any, model: str, status: str) -> Sequence[Mapping[str, Any]]:
    asked = {"ModelPackageGroupName": model, "ModelApprovalStatus": status, "MaxResults": LISTED}
    try:
        found = sagemaker.list_model_packages(**asked, SortBy="CreationTime", SortOrder="Descending")
    except sagemaker.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return []
    listed: Sequence[Mapping[str, Any]] = found["ModelPackageSummaryList"]
    return listed


def find(sagemaker: Any, arn: str) -> dict[str, Any] | None:
    """The version as DescribeModelPackage has it; None where it was deleted."""
    try:
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
        return found
    except sagemaker.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return None


# ---------------------------------------------------------------- runs


def iso(at: datetime) -> str:
    """A moment as the key of a run has it: ISO text of one length, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def rank(run: Run) -> Rank:
    """Where a run stands in the order of approval; first where its key does not say."""
    return rank_of(run.parameters.get("approvalKey", "") if run.ours else "")


def rank_of(key: str) -> Rank:
    """The same of a key: the version's ARN, and the moment of its approval."""
    about, _, at = key.partition("#")
    number = about.rpartition("/")[2]
    return at, int(number) if number.isdecimal() else 0


def overtaken(wanted: Rank, runs: Iterable[Run]) -> bool:
    """Whether a version that was approved later has had its run."""
    return any(rank(one) > wanted for one in runs)


def without_run(versions: Iterable[Version], runs: Sequence[Run], now: datetime) -> list[Version]:
    """The approved versions that run nowhere and never had a run, the earliest approval first.

    Those that were overtaken, and those whose event may only be late, are among them.
    """
    has_run = deployed(runs)
    found = (one for one in versions if one.waits_for_a_run and now - one.changed < MEMORY)
    return sorted((one for one in found if one.arn not in has_run), key=lambda one: one.rank)


def deployed(runs: Iterable[Run]) -> set[str]:
    """The ARNs of versions that have had a run, or have one now."""
    # A person's run that goes on does what is missing; one that is over may have been cancelled to hide it.
    return {one.parameters.get("modelPackageArn", "") for one in runs if one.ours or not one.over}


# ---------------------------------------------------------------- what differs


def differences(
    model: str,
    versions: Sequence[Version],
    runs: Sequence[Run],
    serving: Mapping[Stage, Sequence[Serving]],
    now: datetime,
    *,
    rolls_back: bool,
) -> Iterator[Difference]:
    """Of one model, whose `serving` was looked at after its runs; a stage that is left out is not judged.

    While one of its runs goes on, what serves and the registry may well differ. `rolls_back`: the bridge
    deploys what served before a version that lost its approval (`rollback_rejected` in platform.yaml).
    """
    yield from _without_run(versions, runs, now)
    yield from _withdrawn(versions, rolls_back)
    for stage, here in serving.items():
        yield from _unwell(f"{model} at {stage}", here)
        if all(run.over for run in runs):
            yield from _elsewhere(stage, model, versions, here)
            yield from _beside(stage, model, versions, here)
            yield from _otherwise(stage, model, versions, here)
            yield from _changed(stage, model, here)


def _without_run(versions: Sequence[Version], runs: Sequence[Run], now: datetime) -> Iterator[Difference]:
    for one in without_run(versions, runs, now):
        if now - one.changed > PATIENCE and not overtaken(one.rank, runs):
            at = one.changed.astimezone(UTC).isoformat(timespec="seconds")
            what = f"approved {at}, and no run deploys it"
            yield Difference("no run", one.name, what, REPAIR, True, one.arn)


def _withdrawn(versions: Sequence[Version], mends: bool) -> Iterator[Difference]:
    for one in versions:
        if one.approval != "Approved" and one.stage_status in RECORDED:
            do = REPAIR if mends else _back(one.model, one.stage)
            what = f"is {one.approval}, and serves {one.stage}"
            yield Difference("withdrawn", one.name, what, do, mends, one.arn)


def _unwell(about: str, here: Sequence[Serving]) -> Iterator[Difference]:
    for one in here:
        if one.status not in ("InService", *MOVING, "Deleting"):
            do = f"aws sagemaker describe-endpoint --endpoint-name {one.endpoint}"
            yield Difference("endpoint", about, f"the endpoint is {one.status}", do)


def _elsewhere(
    stage: Stage, model: str, versions: Sequence[Version], here: Sequence[Serving]
) -> Iterator[Difference]:
    """What serves against what the registry says; a version in prod may serve staging too."""
    about, served = f"{model} at {stage}", {one.model_package_arn for one in here}
    recorded = [one for one in versions if one.records(stage)]
    gone = [one for one in recorded if one.arn not in served]
    for one in gone:
        what = f"the registry says that version {one.number} serves, and the endpoint serves {_said(here)}"
        yield Difference("endpoint", about, what, _again(one))
    known = {one.arn for one in versions if any(one.records(each) for each in (stage, "prod"))}
    for serving in here if not gone else ():
        if serving.model_package_arn not in known:
            what = f"the endpoint serves {_said([serving])}, {_unsaid(serving, versions)}"
            do = f"deploy a version of those that there are: isthmus models {model}"
            yield Difference("endpoint", about, what, do)


def _said(here: Sequence[Serving]) -> str:
    return (
        " and ".join(f"version {one.version}" if one.version else "no version" for one in here) or "nothing"
    )


def _unsaid(serving: Serving, versions: Sequence[Version]) -> str:
    known = next((one for one in versions if one.arn == serving.model_package_arn), None)
    if known is None:
        return "which the registry does not have"
    if known.approval != "Approved":
        return f"which is {known.approval}"
    return "and the registry does not say so"


def _beside(
    stage: Stage, model: str, versions: Sequence[Version], here: Sequence[Serving]
) -> Iterator[Difference]:
    """What is compared with what serves, against what the registry says."""
    about, compared = f"{model} at {stage}", [one.challenger for one in here if one.challenger]
    recorded = [one for one in versions if one.records(stage, names.COMPARED)]
    for one in recorded:
        if one.arn not in compared:
            has = f"version {_number(compared[0])}" if compared else "none beside the one that serves"
            what = f"the registry says that version {one.number} is compared, and the endpoint has {has}"
            yield Difference("endpoint", about, what, _again(one))
    for arn in compared if not recorded else ():
        what = f"the endpoint compares version {_number(arn)}, and the registry does not say so"
        yield Difference("endpoint", about, what, _back(model, stage))


def _otherwise(
    stage: Stage, model: str, versions: Sequence[Version], here: Sequence[Serving]
) -> Iterator[Difference]:
    """A configuration that no deployment asked for: a comparison's, or else that of what serves alone."""
    compared = [one for one in versions if one.records(stage, names.COMPARED)]
    wanted = {one.arn: one for one in (compared or [one for one in versions if one.records(stage)])}
    for serving in here:
        by = wanted.get(serving.challenger if compared else serving.model_package_arn)
        if by and by.config and serving.endpoint_config not in ("", by.config):
            what = f"the endpoint runs by {serving.endpoint_config}, and version {by.number} was deployed by"
            yield Difference("endpoint", f"{model} at {stage}", f"{what} {by.config}", _again(by))


def _changed(stage: Stage, model: str, here: Sequence[Serving]) -> Iterator[Difference]:
    """What was changed past the pipeline: by somebody, or by the alarm of a version that is compared."""
    about = f"{model} at {stage}"
    for serving in here:
        changed = serving.changed
        if serving.taken_off:
            what = f"version {_number(serving.challenger)} is compared and answers nobody: "
            why = "its own alarm took it off, or somebody did"
            yield Difference("endpoint", about, what + why, _back(model, stage))
            # To put the weights back would have it answer again.
            changed = tuple(one for one in changed if not one.wanted)
        for change in changed:
            what = f"the endpoint is not as {serving.endpoint_config} says: {change}"
            yield Difference("endpoint", about, what, put_back(serving.endpoint, changed))


def _number(arn: str) -> str:
    return arn.rpartition("/")[2]


def _back(model: str, stage: str) -> str:
    return f"isthmus rollback {model} --stage {stage} --reason WHY"


def _again(one: Version) -> str:
    """The command that deploys the version once more."""
    return f"isthmus azure run {names.deploy_pipeline(one.model)} -p modelPackageArn={one.arn}"
