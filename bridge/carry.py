"""Carries a decision out, once.

Two guards stand one behind the other. The idempotency table lets one copy of an event through at a time and
remembers what came of it. A Lambda that died between asking Azure DevOps for a run and remembering it left a
run that carries the key, so the runs are looked through before one is queued.
"""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from bridge.azure import AzureDevOps
from bridge.decisions import Decision, Nothing, Run
from bridge.settings import settings
from bridge.trace import Trace

# Longer than SQS keeps a message, dead letters included.
REMEMBER_SECONDS = 30 * 24 * 3600
# The handler registers each invocation's context here: a record that a dead Lambda left in progress then
# expires with that Lambda's time, and not after thirty days.
config = IdempotencyConfig(
    event_key_jmespath="key", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBER_SECONDS
)


def out(decision: Decision, trace: Trace) -> None:
    """Queue the run unless it is already there; raises where that could not be done."""
    if isinstance(decision, Nothing):
        trace.hop("ignored", reason=decision.reason)
        return
    answer = _once()(work={"key": decision.key}, run=decision)
    if answer["queued_by"] != trace.correlation_id:
        trace.hop("deduplicated", run_id=answer["run_id"], pipeline=decision.pipeline)
    else:
        trace.hop("queued", run_id=answer["run_id"], pipeline=decision.pipeline)


@cache
def _once():  # type: ignore[no-untyped-def]  # the decorator's own type says nothing
    store = DynamoDBPersistenceLayer(table_name=settings().table)
    return idempotent_function(queue, data_keyword_argument="work", persistence_store=store, config=config)


def queue(*, work: dict[str, str], run: Run) -> dict[str, str]:
    """The id of the run that carries the key, and the event that it was queued for."""
    azure = AzureDevOps(settings())
    found = azure.find_run(run)
    if found is not None:
        return {"run_id": found, "queued_by": ""}
    return {"run_id": azure.queue_run(run), "queued_by": run.parameters["correlationId"]}
