"""`isthmus status --check`: where the registry, the runs and the endpoints disagree, in words.

The comparison of the bridge's reconciler (`bridge/deployments.py`, `bridge/rollbacks.py`, which are packaged
without this), and what no look of the bridge can mend besides. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from isthmus import names
from isthmus.config import STAGES, Model
from isthmus.operate.age import since

if TYPE_CHECKING:
    from isthmus.azure.runs import Run
    from isthmus.operate.accounts import Accounts
    from isthmus.operate.endpoints import Endpoint
    from isthmus.operate.registry import Version

# As the reconciler has them: an event is late before it is lost, and what is older is history.
PATIENCE, MEMORY = timedelta(minutes=5), timedelta(days=7)
RUNS = 200
REPAIR = "isthmus status --check --repair"


@dataclass(frozen=True)
class Difference:
    """`about` is a version or a model at a stage; `mends` says whether a look of the bridge repairs it."""

    about: str
    what: str
    do: str
    mends: bool = False


def gather(accounts: Accounts) -> Iterator[Difference]:
    """Of every model of the platform; raises `Problem` where a cloud could not be asked."""
    from isthmus.azure import runs
    from isthmus.azure.client import connect
    from isthmus.operate import endpoints, registry

    client = connect(accounts.platform)
    for model in accounts.platform.models:
        versions = registry.versions(accounts.client("automation", "sagemaker"), model.name)
        found = runs.every(client, names.deploy_pipeline(model.name), top=RUNS)
        here = [endpoints.find(accounts.client(one, "sagemaker"), model.name, one) for one in STAGES]
        yield from differences(model, versions, found, here)


def lost(accounts: Accounts) -> Iterator[Difference]:
    """What the bridge could not carry."""
    from isthmus.operate import dead_letters

    count = dead_letters.count(accounts.client("automation", "sqs"), accounts.platform)
    if count:
        yield Difference("the bridge", f"{count} dead letters wait", "isthmus bridge dlq list")


def differences(
    model: Model, versions: Sequence[Version], runs: Sequence[Run], endpoints: Sequence[Endpoint]
) -> Iterator[Difference]:
    """Of one model; while one of its runs goes on, its endpoints and the registry may well differ."""
    yield from _without_run(versions, runs)
    yield from _withdrawn(model, versions)
    yield from _unwell(model, endpoints)
    if all(run.is_over for run in runs):
        for endpoint in endpoints:
            yield from _elsewhere(model, versions, endpoint)
            yield from _beside(model, versions, endpoint)
            yield from _changed(model, endpoint)


def _without_run(versions: Sequence[Version], runs: Sequence[Run]) -> Iterator[Difference]:
    # What a person's run says of an approval is not believed, and nothing of one that was cancelled.
    ours = [run for run in runs if run.is_of_application]
    going = [run for run in runs if not run.is_over]
    deployed = {run.parameters.get("modelPackageArn") for run in (*ours, *going)}
    latest = max((_rank(run.parameters.get("approvalKey", "")) for run in ours), default=("", 0))
    for version in versions:
        if version.arn not in deployed and _waits_for_a_run(version) and _approved(version) > latest:
            yield Difference(version.name, f"approved {version.changed}, and no run deploys it", REPAIR, True)


def _waits_for_a_run(version: Version) -> bool:
    """Whether a person approved it and nothing came of it; what was never changed was born approved."""
    by_a_person = _at(version.changed) > _at(version.created).replace(microsecond=0)
    lost = PATIENCE < since(version.changed) < MEMORY
    ready = (version.status, version.state, version.stage) == ("Approved", "Completed", "")
    return by_a_person and lost and ready


def _withdrawn(model: Model, versions: Sequence[Version]) -> Iterator[Difference]:
    mends = model.rollback_rejected
    for version in versions:
        if version.status != "Approved" and version.stage_status in (names.SERVES, names.COMPARED):
            back = f"isthmus rollback {model.name} --stage {version.stage} --reason WHY"
            do = REPAIR if mends else back
            yield Difference(version.name, f"is {version.status}, and serves {version.stage}", do, mends)


def _unwell(model: Model, endpoints: Sequence[Endpoint]) -> Iterator[Difference]:
    for one in endpoints:
        if one.status not in ("InService", "Creating", "Updating", "none"):
            do = f"aws sagemaker describe-endpoint --endpoint-name {one.name}"
            yield Difference(f"{model.name} at {one.stage}", f"the endpoint is {one.status}", do)


def _elsewhere(model: Model, versions: Sequence[Version], endpoint: Endpoint) -> Iterator[Difference]:
    """What serves by the endpoint against what the registry says; a version in prod may serve staging too."""
    recorded = [one for one in versions if (one.stage, one.stage_status) == (endpoint.stage, names.SERVES)]
    about, arn = f"{model.name} at {endpoint.stage}", endpoint.model_package_arn
    for version in recorded:
        if version.arn != arn:
            serves = f"version {endpoint.version}" if arn else "nothing"
            what = f"the registry says that version {version.number} serves, and the endpoint serves {serves}"
            yield Difference(about, what, _again(model, version))
    in_prod = {one.arn for one in versions if (one.stage, one.stage_status) == ("prod", names.SERVES)}
    if arn and not recorded and arn not in in_prod:
        what = f"the endpoint serves version {endpoint.version}, and the registry does not say so"
        yield Difference(
            about, what, f"deploy a version of those that there are: isthmus models {model.name}"
        )


def _beside(model: Model, versions: Sequence[Version], endpoint: Endpoint) -> Iterator[Difference]:
    """What the endpoint compares with what it serves, against what the registry says."""
    recorded = [one for one in versions if (one.stage, one.stage_status) == (endpoint.stage, names.COMPARED)]
    about, arn = f"{model.name} at {endpoint.stage}", endpoint.challenger_arn
    for version in recorded:
        if version.arn != arn:
            what = f"the registry says that version {version.number} is compared, and the endpoint has " + (
                f"version {endpoint.challenger}" if arn else "none beside the one that serves"
            )
            yield Difference(about, what, _again(model, version))
    if arn and not recorded:
        what = f"the endpoint compares version {endpoint.challenger}, and the registry does not say so"
        yield Difference(about, what, f"isthmus rollback {model.name} --stage {endpoint.stage} --reason WHY")


def _changed(model: Model, endpoint: Endpoint) -> Iterator[Difference]:
    """What somebody changed past the pipeline."""
    from isthmus.serving import put_back

    about, do = f"{model.name} at {endpoint.stage}", put_back(endpoint.name, endpoint.changed)
    for one in endpoint.changed:
        yield Difference(about, f"the endpoint is not as {endpoint.config} says: {one}", do)


def _again(model: Model, version: Version) -> str:
    """The command that deploys the version once more."""
    return f"isthmus azure run {names.deploy_pipeline(model.name)} -p modelPackageArn={version.arn}"


def _approved(version: Version) -> tuple[str, int]:
    return _moment(version.changed), version.number


def _rank(key: str) -> tuple[str, int]:
    """Where a run stands in the order of approval, as its key says."""
    about, _, at = key.partition("#")
    number = about.rpartition("/")[2]
    return _moment(at) if at else "", int(number) if number.isdecimal() else 0


def _moment(text: str) -> str:
    """To the second, as the registry's versions have it."""
    return text[:19]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
