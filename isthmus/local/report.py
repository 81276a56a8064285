"""What a demo did: live on the terminal while it runs, then in short and as JSON."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from isthmus import interval
from isthmus.counting import counted
from isthmus.errors import Problem
from isthmus.operate.show import metric, signed
from isthmus.operate.table import Column, table

WAITING = "waiting between them"
Outcome = Literal["succeeded", "failed", "interrupted"]
# What took less is not told.
LEAST = 0.05
MARKS: dict[Outcome, str] = {"succeeded": "[green]✓[/]", "failed": "[red]✗[/]", "interrupted": "[red]✗[/]"}


@dataclass
class Step:
    """`result` says what it produced, or why it did not, `short` the same in a few words; `kind` is what its
    time is for, and empty where it follows a run, whose own steps say that."""

    name: str
    kind: str = ""
    seconds: float = 0.0
    result: str = ""
    short: str = ""
    status: Outcome = "succeeded"


@dataclass
class Report:
    """The demo's report. `model_packages`, `deployments` and `events` are read back from the clouds; `spent`
    is seconds by kind of work, and `end` what prod serves at the end, or why there is no such end."""

    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    model_packages: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    end: str = ""
    status: Outcome = "succeeded"

    @property
    def kept(self) -> str:
        versions, deployments, hops = map(len, (self.model_packages, self.deployments, self.events))
        return f"{counted(versions, 'version')}, {counted(deployments, 'deployment')}, {counted(hops, 'hop')}"

    def account_for(self, runs: Mapping[str, float]) -> None:
        """Add up the time of the steps and of the runs' steps; the rest was waiting."""
        found = dict(runs)
        for step in self.steps:
            if step.kind:
                found[step.kind] = found.get(step.kind, 0) + step.seconds
        found[WAITING] = max(0.0, self.seconds - sum(found.values()))
        most = sorted(found, key=lambda kind: -found[kind])
        self.spent = {kind: round(found[kind], 1) for kind in most if found[kind] >= LEAST}

    def stop(self, error: BaseException) -> None:
        """Write down what ended the demo before its end."""
        self.status, self.end = outcome(error)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, default=str) + "\n")


def outcome(error: BaseException) -> tuple[Outcome, str]:
    """What became of what raised `error`, and why."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "interrupted by Ctrl-C"
    return "failed", str(error) if isinstance(error, Problem) else f"{type(error).__name__}: {error}"


class Progress:
    """Runs steps, shows each while it runs, and keeps what each took and produced."""

    def __init__(self, console: Console) -> None:
        self.report = Report()
        self._console = console
        self._started = time.monotonic()

    @contextlib.contextmanager
    def step(self, name: str, kind: str = "") -> Iterator[Step]:
        """Time a step; its body sets `result` and `short`, and one that raises is kept with its reason."""
        step, started = Step(name, kind), time.monotonic()
        with self._console.status(f"{name} …"):
            try:
                yield step
            except BaseException as error:
                step.status, step.result = outcome(error)
                step.short = step.status
                raise
            finally:
                step.seconds = round(time.monotonic() - started, 2)
                self.report.seconds = round(time.monotonic() - self._started, 2)
                self.report.steps.append(step)
                self._console.print(f"{MARKS[step.status]} {name} [dim]{step.seconds:.1f} s[/]")
        self._console.print(Padding(Text(step.result), (0, 0, 0, 2), expand=False))


def show(report: Report, console: Console) -> None:
    """Print what ends a demo: its steps in short, where the time went, versions, deployments, the end."""
    for title, columns, rows in (_steps(report), _spent(report), _versions(report), _deployments(report)):
        if rows:
            console.print()
            console.print(table(columns, rows, console.width, title))
    console.print()
    console.print(Text(report.end, "bold"))


Shown = tuple[str, Sequence[Column], Sequence[Sequence[str]]]


def _steps(report: Report) -> Shown:
    columns = (Column("step"), Column("seconds", right=True), Column("in short", 20))
    return "What happened", columns, [[one.name, f"{one.seconds:.1f}", one.short] for one in report.steps]


def _spent(report: Report) -> Shown:
    columns = (Column("for"), Column("seconds", right=True), Column("share", right=True))
    rows = [
        [kind, f"{seconds:.1f}", f"{seconds / report.seconds:.0%}"] for kind, seconds in report.spent.items()
    ]
    return f"Where {report.seconds:.0f} seconds went", columns, rows


def _versions(report: Report) -> Shown:
    columns = (Column("version"), Column("status"), Column("metric", 14), Column("gain", 14))
    rows = [
        [
            _name(one["arn"]),
            one["status"],
            metric(one["metrics"]),
            _gain(one["gain"]),
            signed(one["approved_by"], one["approved_at"]),
        ]
        for one in report.model_packages
    ]
    return "Versions", (*columns, Column("approved by")), rows


def _gain(gain: dict[str, Any] | None) -> str:
    return f"{interval.read(gain)} over {gain['over']}" if gain else ""


def _deployments(report: Report) -> Shown:
    names = ("version", "stage", "run", "endpoint", "let pass by")
    rows = [
        [
            _name(one["model_package_arn"]),
            one["stage"],
            str(one["run_id"]),
            one["endpoint"],
            signed(one["approved_by"], one["approved_at"]),
        ]
        for one in report.deployments
    ]
    return "Deployments", tuple(map(Column, names)), rows


def _name(arn: str) -> str:
    return arn.split("/", 1)[-1]
