"""Queues a run, once.

The caller holds the pipeline's lease and hands over the runs that there are. The idempotency table remembers
for a month what came of each key. A Lambda that died between asking Azure DevOps for a run and remembering it
left a run that carries the key, so the runs are looked through before one is queued.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from bridge.aws import client
from bridge.azure import azure_devops
from bridge.run import Queued, Run
from bridge.settings import settings
from bridge.trace import Hop

# Longer than SQS keeps a message, dead letters included.
REMEMBER_SECONDS = 30 * 24 * 3600
# The handler registers each invocation's context here: a record that a dead Lambda left in progress then
# expires with that Lambda's time, and not after thirty days.
config = IdempotencyConfig(
    event_key_jmespath="key", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBER_SECONDS
)


def once(run: Run, runs: Sequence[Queued]) -> Hop:
    """Queue the run unless it is among `runs` or was queued before; raises where that could not be done."""
    attempt = uuid.uuid4().hex
    done: dict[str, str] = _once()(work={"key": run.key, "attempt": attempt}, run=run, runs=runs)
    # What another attempt did is remembered with its name on it.
    name = "queued" if done["attempt"] == attempt and done["made"] else "deduplicated"
    return Hop(name, {"run_id": done["run_id"], "pipeline": run.pipeline})


@cache
def _once() -> Any:
    store = DynamoDBPersistenceLayer(table_name=settings().table, boto3_client=client("dynamodb"))
    return idempotent_function(queue, data_keyword_argument="work", persistence_store=store, config=config)


def queue(*, work: dict[str, str], run: Run, runs: Sequence[Queued]) -> dict[str, str]:
    """The run that does what is wanted, and whether this attempt made it (`made` is empty if not)."""
    found = next((one for one in runs if one.covers(run)), None)
    # A run for this very event was made by an attempt that died before it could say so: it is said now.
    if found is not None:
        said = found.correlation_id == run.parameters["correlationId"]
        return {"run_id": found.id, "attempt": work["attempt"], "made": "yes" if said else ""}
    return {"run_id": azure_devops().queue_run(run), "attempt": work["attempt"], "made": "yes"}
