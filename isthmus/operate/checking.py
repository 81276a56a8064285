"""`isthmus status --check`: the bridge's comparison (`isthmus/agreement.py`) of every model, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from isthmus import agreement, names
from isthmus.agreement import Difference
from isthmus.config import STAGES, Stage

if TYPE_CHECKING:
    from isthmus.operate.accounts import Accounts
    from isthmus.serving import Serving


@dataclass(frozen=True)
class Ran:
    """A run as the comparison knows it."""

    parameters: Mapping[str, str]
    ours: bool
    over: bool


def gather(accounts: Accounts) -> Iterator[Difference]:
    """Of every model of the platform; raises `Problem` where a cloud could not be asked."""
    from isthmus.azure import runs
    from isthmus.azure.client import connect
    from isthmus.serving import every

    client, sagemaker = connect(accounts.platform), accounts.client("automation", "sagemaker")
    for model in accounts.platform.models:
        listed = runs.every(client, names.deploy_pipeline(model.name), top=agreement.RUNS)
        # What a person's run says of an approval is not believed, and nothing of one that was cancelled.
        ran = [Ran(one.parameters, one.is_of_application, one.is_over) for one in listed]
        serving: dict[Stage, Sequence[Serving]] = {
            stage: every(accounts.client(stage, "sagemaker"), model.name, stage) for stage in STAGES
        }
        versions = agreement.read(sagemaker, model.name, ran, serving)
        yield from agreement.differences(
            model.name, versions, ran, serving, datetime.now(UTC), rolls_back=model.rollback_rejected
        )


def lost(accounts: Accounts) -> Iterator[Difference]:
    """What the bridge could not carry."""
    from isthmus.operate import dead_letters

    count = dead_letters.count(accounts.client("automation", "sqs"), accounts.platform)
    if count:
        yield Difference("letters", "the bridge", f"{count} dead letters wait", "isthmus bridge dlq list")
