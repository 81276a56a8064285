"""Which version a stage goes back to: the one that it served last before, and that may still serve."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus import names
from isthmus.config import Stage
from isthmus.errors import NotFound, Refused
from isthmus.operate.registry import Version


def earlier(versions: Sequence[Version], serving: str, stage: Stage) -> Version:
    """The version with the newest run to the stage, but for `serving` and those that were rolled back.

    Raises `NotFound` where no other version ever served the stage, and `Refused` where those that did
    may not any more.
    """
    model = versions[0].model if versions else "it"
    served = [one for one in versions if one.arn != serving and _run(one, stage) and not _compared(one)]
    if not served:
        raise NotFound(
            f"{model} has no earlier version in {stage}",
            todo=f"isthmus models {model} shows those that there are; name one that is approved with --to",
        )
    allowed = [one for one in served if one.status == "Approved" and stage not in one.rolled_back]
    if not allowed:
        reasons = "; ".join(f"version {one.number} {_why_not(one, stage)}" for one in served)
        raise Refused(
            f"no earlier version of {model} may serve {stage}: {reasons}",
            todo=f"approve one, or name one with --to: isthmus models {model}",
        )
    return max(allowed, key=lambda one: _run(one, stage))


def refuse(version: Version, serving: str, stage: Stage) -> None:
    """Raise `Refused` where the stage cannot go to that version."""
    if version.arn == serving:
        raise Refused(f"{version.name} serves {stage} already", where=version.arn)
    if version.status != "Approved":
        raise Refused(
            f"{version.name} is not approved: {version.status}",
            where=version.arn,
            todo=f"isthmus approve {version.model} {version.number}: that alone starts its deployment",
        )


def _run(version: Version, stage: Stage) -> int:
    """The run that brought it to the stage last, 0 where none did; a later run has a higher number."""
    number = version.metadata.get(f"{stage}_run_id", "")
    return int(number) if number.isdecimal() else 0


def _compared(version: Version) -> bool:
    """Whether it is compared with what serves: it never served alone."""
    return version.stage_status == names.COMPARED


def _why_not(version: Version, stage: Stage) -> str:
    if version.status != "Approved":
        return f"is {version.status}"
    return f"was rolled back by {version.rolled_back[stage]}"
