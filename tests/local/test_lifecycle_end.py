"""How a demo's story ends, whatever the model and the world turn out to be."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from isthmus.interval import Interval
from isthmus.local.lifecycle import Lifecycle, Verdict
from isthmus.local.report import Progress
from isthmus.monitor.findings import Findings, Quality
from isthmus.operate.gain import Gain
from isthmus.operate.registry import Version

GOOD, BAD = Interval(0.6, 0.4, 0.8), Interval(1.0, 0.9, 1.1)

WINDOW = "2026-11-20", "2026-11-27T07:10:00+00:00"


def version(number: int, gain: Gain | None = None) -> Version:
    return Version("arn", "rain", number, "", "", "", "", {}, {}, "", "", "", "", gain)


def found(now: Interval, loss: float) -> Findings:
    return Findings("rain", "prod", 1, *WINDOW, 9, 0, [], Quality("log_loss", GOOD, now, 181, loss))


@dataclass
class Played(Lifecycle):
    """A lifecycle whose builds and monitor come out as they are told."""

    builds: tuple[Version | Verdict, ...] = ()
    found: Findings | None = None

    def build(self, *_about: Any) -> Version | Verdict:
        first, *self.builds = self.builds
        return first

    def monitor(self) -> Findings:
        assert self.found
        return self.found

    def nothing(self, *_about: Any) -> Any:
        pass

    furnish_aws = furnish_azure = pull_request = approve_and_deploy = predict = world_changes = alarm = (
        nothing
    )


@pytest.mark.parametrize(
    ("builds", "findings", "end"),
    [
        (
            [version(1)],
            found(GOOD, 0.1),
            "Nothing was retrained, as it should be: prod still serves version 1, at log_loss 0.600 "
            "[0.400, 0.800] on 181 labels.",
        ),
        (
            [version(1), Verdict("not registered: gain 0.01 [-0.1, 0.1] is within chance", red=True)],
            found(BAD, 1.5),
            "not registered: gain 0.01 [-0.1, 0.1] is within chance; prod still serves version 1, "
            "at log_loss 1.000 [0.900, 1.100] on 181 labels.",
        ),
        (
            [version(1), version(2, Gain(0.2, 0.1, 0.3, 1, 91))],
            found(BAD, 1.5),
            "Prod serves version 2: gain 0.200 [0.100, 0.300] over version 1 on the same 91 rows.",
        ),
        (
            [version(1)],
            Findings("rain", "prod", 1, *WINDOW, 9, 0),
            "Nothing was retrained, as it should be: prod still serves version 1, at a quality that too few "
            "labels tell yet.",
        ),
    ],
)
def test_the_last_line_says_what_prod_serves_and_why(builds: Any, findings: Any, end: str) -> None:
    progress = Progress(Console(file=io.StringIO()))
    told = Played(None, progress, builds=builds, found=findings).play()  # type: ignore[arg-type]
    assert told == (end, "succeeded")


@pytest.mark.parametrize(("red", "outcome"), [(True, "failed"), (False, "succeeded")])
def test_a_first_version_below_the_bar_ends_it_as_model_yaml_says(red: bool, outcome: str) -> None:
    progress = Progress(Console(file=io.StringIO()))
    below = (Verdict("not registered: AUC 0.61 < 0.70", red),)
    told = Played(None, progress, builds=below).play()  # type: ignore[arg-type]
    assert told == ("not registered: AUC 0.61 < 0.70; prod serves nothing.", outcome)
