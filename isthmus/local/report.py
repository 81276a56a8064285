"""What a demo did: live on the terminal while it runs, then as a table and as JSON."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass
class Step:
    name: str
    seconds: float = 0.0
    result: str = ""


@dataclass
class Report:
    """The demo's report. `model_packages`, `deployments` and `events` are read back from the clouds."""

    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    model_packages: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, default=str) + "\n")


class Progress:
    """Runs steps, shows each while it runs, and keeps what each took and produced."""

    def __init__(self, console: Console) -> None:
        self.report = Report()
        self._console = console
        self._started = time.monotonic()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step; its body sets `result` to one line that says what it produced."""
        step, started = Step(name), time.monotonic()
        with self._console.status(f"{name} …") as status:
            self._status = status
            try:
                yield step
            except BaseException as error:
                self._console.print(f"[red]✗[/] {name}: {type(error).__name__}", highlight=False)
                raise
            finally:
                step.seconds = round(time.monotonic() - started, 2)
                self.report.seconds = round(time.monotonic() - self._started, 2)
        self.report.steps.append(step)
        self._console.print(
            f"[green]✓[/] {name} [dim]{step.seconds:.1f} s[/]\n  {step.result}", highlight=False, markup=True
        )

    def say(self, line: str) -> None:
        """A line of detail under the step that runs."""
        self._console.print(f"  [dim]{line}[/]", highlight=False)


def show(report: Report, console: Console) -> None:
    """Print the tables that end a demo."""
    console.print(_steps(report))
    console.print(_versions(report))
    console.print(_deployments(report))


def _steps(report: Report) -> Table:
    table = Table(
        "step", "seconds", "what it produced", title=f"{report.seconds:.0f} seconds", title_justify="left"
    )
    table.columns[1].justify = "right"
    for step in report.steps:
        table.add_row(step.name, f"{step.seconds:.1f}", step.result)
    return table


def _versions(report: Report) -> Table:
    table = Table("model package", "status", "metric", "approved by", title="Versions", title_justify="left")
    for package in report.model_packages:
        metrics = package["metrics"]
        value = "{metric} {value:.3f} [{ci_low:.3f}, {ci_high:.3f}]".format(**metrics) if metrics else ""
        table.add_row(
            package["arn"].split("/", 1)[-1], package["status"], value, package.get("approved_by") or ""
        )
    return table


def _deployments(report: Report) -> Table:
    table = Table("stage", "model package", "Azure run", "endpoint", "approved by", title="Deployments")
    table.title_justify = "left"
    for one in report.deployments:
        version = one["model_package_arn"].split("/", 1)[-1]
        table.add_row(one["stage"], version, str(one["run_id"]), one["endpoint"], one["approved_by"] or "")
    return table
