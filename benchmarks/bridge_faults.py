"""Approvals through the bridge's own handler while all around it fails: what is lost, twice, out of order?

python benchmarks/bridge_faults.py [--events N] [--models N] [--seed N] [--json]

Each model's versions are approved one after the other. Their events come late, in another order, several
times, or never; Azure DevOps has storms of 429, answers 503, and makes a run late without an answer;
connections break before and after a request took effect; the Lambda is killed at any request, before and
after; DynamoDB throttles; and between any two requests of one invocation another one may go on. The clock is
simulated, so hours pass in minutes. Clouds answer in this process; what the bridge itself takes of a core for
one event, each time that it is handed one (`p50_ms`, `p99_ms`), is measured without them. `throughput_per_s`
counts events, however often each came.
Exits with 1 where anything was lost, doubled or out of order, or an aim (`AIMS`) is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import time_machine

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.aims import AtMost, missed
from benchmarks.simulated_clouds import Fleet
from benchmarks.simulated_queue import Message, Queue
from benchmarks.simulated_world import COMES_AGAIN, World, lead_through
from tests.bridge.conftest import environment

START = 1_795_000_000.0
APPROVED_EVERY_SECONDS = 90.0
ATTEMPTS_OF_SQS = 33
# How often each happens to an event.
NEVER_COMES, IS_LATE = 0.02, 0.20
STORM_EVERY_SECONDS, STORM_SECONDS = 1800.0, 120.0
# What must never come of them, and what one event may take of a core.
NEVER = ("lost", "duplicates", "out_of_order")
AIMS = {**dict.fromkeys(NEVER, AtMost(0)), "p99_ms": AtMost(20)}
# Of what went wrong, each in words; the same seed gives the same ones again.
MOST_FINDINGS = 20


def approvals(world: World, models: dict[str, int]) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """When each version is approved, of which model, and its event; `models` says how many each has."""
    for model, versions in models.items():
        at = START + world.random.random() * APPROVED_EVERY_SECONDS
        for version in range(1, versions + 1):
            at += world.random.expovariate(1 / APPROVED_EVERY_SECONDS)
            yield at, model, {"version": version}


def deliveries(world: World, at: float, event: dict[str, Any]) -> Iterator[tuple[float, Message]]:
    """The copies of an event, each with the moment at which the queue gets it."""
    if world.happens("never came", NEVER_COMES):
        return
    for copy in range(1 + world.happens("came again", COMES_AGAIN)):
        late = world.random.uniform(0, 600) if world.happens("late", IS_LATE) else world.random.uniform(0, 2)
        if copy and world.happens("hours late", IS_LATE):
            late += world.random.uniform(3600, 4 * 3600)
        yield at + late, Message(f"{event['id']}-{copy}", json.dumps(event), at + late)


def simulate(models: dict[str, int], seed: int) -> dict[str, Any]:
    """One process's share of the models, each with its number of versions."""
    logging.disable(logging.CRITICAL)
    random.seed(seed)
    os.environ |= environment("http://clouds.invalid")
    # Powertools prints its metrics, and its switch for that is not heeded by what writes for CloudWatch.
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        time_machine.travel(START, tick=False) as clock,
    ):
        world = _world(models, seed, clock)
        lead_through(world)
        began = time.perf_counter()
        world.run()
        return _found(world, models) | {"seconds": time.perf_counter() - began}


def _world(models: dict[str, int], seed: int, clock: Any) -> World:
    fleet = Fleet(models=set(models))
    fleet.pipelines = {f"{model}-deploy": number for number, model in enumerate(models, 1)}
    lasts = max(models.values()) * APPROVED_EVERY_SECONDS
    storms = [
        (START + at, START + at + STORM_SECONDS)
        for at in range(300, int(lasts) + 1, int(STORM_EVERY_SECONDS))
    ]
    world = World(random.Random(seed), clock, fleet, Queue(ATTEMPTS_OF_SQS), storms, [])
    for at, model, known in approvals(world, models):
        event = fleet.approve(model, known["version"], at)
        world.events += deliveries(world, at, event)
    world.events.sort(key=lambda one: -one[0])
    return world


def _found(world: World, models: dict[str, int]) -> dict[str, Any]:
    lost = twice = disordered = 0
    findings = [f"dead letter: {one['reason']}: {one['body'][:300]}" for one in world.clouds.dead_letters]
    findings += [f"dead letter of SQS: {one.body[:300]}" for one in world.queue.dead]
    for model, versions in models.items():
        runs = [
            one["templateParameters"]
            for one in world.clouds.by_pipeline[str(world.clouds.pipelines[f"{model}-deploy"])]
        ]
        order = [int(one["modelPackageArn"].rpartition("/")[2]) for one in runs]
        if order != list(range(1, versions + 1)):
            findings.append(f"{model}: {order}")
        lost += versions - len(set(order))
        twice += len(order) - len(set(order))
        disordered += sum(later < earlier for earlier, later in itertools.pairwise(order))
    return {
        "lost": lost,
        "duplicates": twice,
        "out_of_order": disordered,
        "dead_letters": len(world.queue.dead) + len(world.clouds.dead_letters),
        "own_ms": world.own_ms,
        "findings": findings,
        "faults": dict(world.faults),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000, help="approvals, of all models together")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    if min(asked.events, asked.models) < 1:
        parser.error("--events and --models are at least 1")
    shares = shared(asked.events, min(asked.models, asked.events))
    with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
        work = [(share, asked.seed + number) for number, share in enumerate(shares)]
        said = told(pool.starmap(simulate, work), asked.events)
    if asked.json:
        print(json.dumps(said))
    else:
        for name, value in said.items():
            print(f"{name:<18} {value}")
    sys.exit(missed(AIMS, said))


def shared(events: int, models: int) -> list[dict[str, int]]:
    """A share of the models for each process, with how many versions each has; the first have one more."""
    processes = min(os.cpu_count() or 1, models)
    each, over = divmod(events, models)
    return [
        {f"model-{number}": each + (number < over) for number in range(one, models, processes)}
        for one in range(processes)
    ]


def told(shares: list[dict[str, Any]], events: int) -> dict[str, Any]:
    """The shares' findings as one."""
    own = sorted(one for share in shares for one in share["own_ms"])
    faults: dict[str, int] = defaultdict(int)
    for share in shares:
        for name, count in share["faults"].items():
            faults[name] += count
    centiles = statistics.quantiles(own, n=100)
    return {
        "events": events,
        **{key: sum(share[key] for share in shares) for key in (*NEVER, "dead_letters")},
        "deliveries": len(own),
        "throughput_per_s": round(events / max(share["seconds"] for share in shares), 1),
        "p50_ms": round(centiles[49], 2),
        "p99_ms": round(centiles[98], 2),
        "faults": dict(sorted(faults.items())),
        "findings": [one for share in shares for one in share["findings"]][:MOST_FINDINGS],
    }


if __name__ == "__main__":
    main()
