"""What differs between the registry, the runs and what serves a model: mended, or people are told once.

What differs `isthmus/agreement.py` says, which `isthmus status --check` goes by too. Mended is what an event
that never came would have done, by the same way and under the same key. What only a person can mend is told
when it is first seen, and again only after it was gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from bridge import deployments, lease, memory, models, notices, rollbacks
from bridge.aws import client, client_as
from bridge.azure import azure_devops
from bridge.notices import Waiting
from bridge.settings import settings
from bridge.trace import Trace
from isthmus import agreement
from isthmus.agreement import Difference
from isthmus.config import STAGES, Stage
from isthmus.serving import Serving, every

DENIED = ("AccessDenied", "AccessDeniedException")
Looked = dict[Stage, Sequence[Serving]]


def look_after(model: str, trace: Trace) -> None:
    """Mend what can be, and tell people of the rest; what serves is looked at after the runs.

    A stage that could not be looked at is not judged, keeps nothing else from being mended, and is an error.
    """
    ours = models.find(model)
    runs = azure_devops().runs(f"{model}-deploy")
    serving, failed = _serving(model)
    versions = agreement.read(client("sagemaker"), model, runs, serving)
    found = list(
        agreement.differences(
            model,
            versions,
            runs,
            serving,
            datetime.now(UTC),
            rolls_back=ours is not None and ours.rollback_rejected,
        )
    )
    for one in found:
        trace.hop("differs", reason=_about(one))
    if any(one.kind == "no run" for one in found):
        deployments.repair(model)
    for one in found:
        if one.kind == "withdrawn" and one.mends:
            rollbacks.repair(model, one.arn, trace)
    if failed:
        raise failed
    _tell(model, [one for one in found if not one.mends], serving)


def _serving(model: str) -> tuple[Looked, Exception | None]:
    """What serves the model at each stage that could be looked at, and why another could not."""
    looked: Looked = {}
    failed: Exception | None = None
    for stage in STAGES:
        try:
            looked[stage] = every(client_as(_role(stage), "sagemaker"), model, stage)
        except (BotoCoreError, ClientError) as error:
            if _is_denied(error):
                notices.tell(_unseen(stage))
            else:
                failed = error
    return looked, failed


def _role(stage: Stage) -> str:
    return settings().staging_role if stage == "staging" else settings().prod_role


def _is_denied(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in DENIED


def _unseen(stage: Stage) -> Waiting:
    """Told once a month, of all models at once: that account has no such role yet, or it was changed."""
    now = datetime.now(UTC)
    return Waiting(
        subject=f"unseen {stage} {now:%Y-%m}",
        what=f"The bridge may not see what serves {stage}",
        since=now,
        lines=lambda: [
            f"It compares the registry with no endpoint there. Its role is {_role(stage)}.",
            "Do: let the infrastructure pipeline deploy that account",
        ],
    )


def _tell(model: str, found: Sequence[Difference], looked: Looked) -> None:
    """Tell people of what was not there at the last look; of a stage that was not seen, nothing is over."""
    name = f"differs#{model}"
    if not found and memory.recall(name) in ("", "{}"):
        return
    unseen = tuple(f"{model} at {stage}: " for stage in STAGES if stage not in looked)
    with lease.held(name):
        # Since when each differs, as the last look wrote it down: by that it is known whether it was told.
        before: dict[str, str] = json.loads(memory.recall(name) or "{}")
        now = datetime.now(UTC).isoformat()
        standing = {about: at for about, at in before.items() if about.startswith(unseen)}
        standing |= {about: before.get(about, now) for about in map(_about, found)}
        if standing != before:
            memory.keep(name, json.dumps(standing), notices.REMEMBER_SECONDS)
        for one in found:
            notices.tell(_differs(one, standing[_about(one)]))


def _about(one: Difference) -> str:
    return f"{one.about}: {one.what}"


def _differs(one: Difference, since: str) -> Waiting:
    return Waiting(
        subject=f"{_about(one)} {since}",
        what=f"{one.about}: {notices.said(one.what)}",
        since=datetime.now(UTC),
        lines=lambda: ["The registry, the runs and what serves disagree.", f"Do: {one.do}"],
    )
