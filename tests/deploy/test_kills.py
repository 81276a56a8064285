"""Deployments to prod that are killed at random, again and again, while clients ask: none of them notices.

A version alone, another beside it, that one alone, and back: each is killed before or after any of its
requests to the clouds, its next run perhaps too, and the last one comes through. `benchmarks/kills.py` does
so hundreds of times; here it is done often enough to fail when a step cannot be taken twice.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import pytest

from isthmus.deploy.package import FILE
from tests.deploy.conftest import CHECKOUT
from tests.deploy.team import Team, done
from tests.deploy.test_comparisons import asks_for
from tests.deploy.test_interruptions import Make, clients, left
from tests.deploy.test_lifecycle import cloud, issuer, new_version, team
from tests.deploy.versions import Version
from tests.local.sagemaker.conftest import until

__all__ = ["cloud", "issuer", "new_version", "team"]
STEPS = int(os.environ.get("ISTHMUS_KILLS_STEPS", "3"))
SEED = int(os.environ.get("ISTHMUS_KILLS_SEED", "5"))
# How often a run that goes on where another was killed is killed as well.
AGAIN = 0.5


@dataclass(frozen=True)
class Step:
    """A deployment to prod, and what the registry says of both versions when it is done."""

    name: str
    assembly: Path
    words: tuple[str, ...]
    states: tuple[str, str]


@dataclass
class Tally:
    """What was done to how many deployments, and what clients had of it."""

    seed: int
    steps: int = 0
    kills: int = 0
    before: int = 0
    answers: int = 0
    failures: int = 0


@pytest.fixture(scope="module")
def steps(team: Team, new_version: Make, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Version 1 serves prod; then version 2 beside it, version 2 alone, and version 1 again."""
    asks_for(team, "ab")
    _, alone = new_version(Version())
    done(team.apply(alone, "prod", "90"))
    second, beside = new_version(Version(slope=3.0))
    folder = tmp_path_factory.mktemp("alone")
    done(team.synth(second, folder / "assembly", "--alone", "it is better"))
    return [
        Step("beside", beside, (), ("InService", "Challenger")),
        Step("promoted", folder / "assembly", ("--promote", "it is better"), ("Retired", "InService")),
        Step("back", alone, ("--rollback", "it is not"), ("InService", "Retired")),
    ]


def test_whenever_a_deployment_is_killed_no_request_fails_and_nothing_is_left(
    team: Team, steps: list[Step], tmp_path: Path
) -> None:
    lot, tally = random.Random(SEED), Tally(SEED)
    registry = [json.loads((step.assembly / FILE).read_text())["arn"] for step in (steps[2], steps[1])]
    requests = {step.name: 40 for step in steps}
    with clients(team) as asking:
        until(lambda: asking.answers, bool)
        for number, step in enumerate(islice(cycle(steps), STEPS), 100):
            words = ["deploy", "apply", "--stage", "prod", "--assembly", str(step.assembly)]
            words += ["--run-id", str(number), *step.words]
            while killed(team, words, lot, requests[step.name], tmp_path / "count", tally):
                if lot.random() > AGAIN:
                    break
            requests[step.name] = through(team, words, tmp_path / "count")
            tally.steps += 1
            assert tuple(states(team, registry)) == step.states, f"after {step.name}, {tally}"
            models = 2 if step.name == "beside" else 1
            assert left(team) == (1, models, 0), f"after {step.name}, {tally}"
            assert asking.failures == [], f"during {step.name}, {tally}"
    tally.answers, tally.failures = len(asking.answers), len(asking.failures)
    assert tally.kills >= STEPS / 2 and tally.answers > 10 * STEPS
    if file := os.environ.get("ISTHMUS_KILLS_FOUND"):
        Path(file).write_text(json.dumps(asdict(tally)))


def killed(team: Team, words: list[str], lot: random.Random, requests: int, file: Path, tally: Tally) -> bool:
    """Whether it was: it may have come through before its last moment."""
    when = lot.choice(["before", "after"])
    process = command(team, lot.randint(1, requests), when, file, words)
    said = process.communicate()[0].decode()
    assert process.returncode in (0, -9), said
    if process.returncode:
        tally.kills += 1
        tally.before += when == "before"
    return process.returncode == -9


def through(team: Team, words: list[str], file: Path) -> int:
    """Run it to its end; gives how many requests that took."""
    process = command(team, 0, "never", file, words)
    said = process.communicate()[0].decode()
    assert process.returncode == 0, said
    return int(file.read_text())


def command(team: Team, number: int, when: str, file: Path, words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.deploy.killed", str(number), when, str(file), *words],
        cwd=team.repository,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | dict(team.deployer("prod")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def states(team: Team, versions: list[str]) -> list[str]:
    return [str(team.package(arn)["ModelLifeCycle"]["StageStatus"]) for arn in versions]
