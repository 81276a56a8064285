"""Runs a definition: asks `flow` for the next move, carries steps out side by side, collects their outcomes.

What a step of some type does is the worker's business (the server's, or a sample's), what people see of it
the watcher's.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from isthmus.executor import conditions, references, retries
from isthmus.executor.definition import Definition, Step
from isthmus.executor.flow import StepState, Verdict, advance
from isthmus.executor.job import Control
from isthmus.executor.record import Record

STEP_FAILURE = "Step failure: One or multiple steps failed."


@dataclass(frozen=True)
class Outcome:
    """What a step that succeeded leaves: its properties, its Metadata, and the run it was taken from."""

    described: Record
    metadata: Record = field(default_factory=dict)
    cache_hit: str | None = None


class StepFailure(Exception):
    """A step did not succeed. `error` is the exception type that RetryPolicies may name."""

    def __init__(
        self, reason: str, *, error: str = "", metadata: Record | None = None, stopped: bool = False
    ) -> None:
        super().__init__(reason)
        self.error = error
        self.metadata = metadata or {}
        self.stopped = stopped


class Worker(Protocol):
    """Carries out the steps that become API calls."""

    def run(self, step: Step, arguments: Record, control: Control) -> Outcome:
        """Carry the step out to its end; raises `StepFailure`."""

    def read_json(self, uri: str) -> Any:
        """The JSON document at an S3 URI; raises `references.Unresolved`."""


class Watcher(Protocol):
    """Is told what happens, from any thread."""

    def started(self, step: Step, attempt: int) -> None: ...
    def ended(self, step: Step, state: StepState, outcome: Outcome | None, reason: str | None) -> None: ...


@dataclass
class Execution:
    """One execution of a definition; `run` returns its verdict, `stop` may come from another thread."""

    definition: Definition
    parameters: Mapping[str, Any]
    variables: Mapping[str, str]
    worker: Worker
    watcher: Watcher
    parallel: int | None = None

    def __post_init__(self) -> None:
        self._states: dict[str, StepState] = {}
        self._outcomes: dict[str, bool] = {}
        self._described: dict[str, Record] = {}
        self._controls: dict[str, Control] = {}
        self._messages: queue.SimpleQueue[tuple[str, StepState] | None] = queue.SimpleQueue()
        self._halted = threading.Event()

    def run(self) -> Verdict:
        """Run to the end. Blocks; the steps have threads of their own."""
        while True:
            move = advance(
                self.definition.steps,
                self._states,
                self._outcomes,
                parallel=self.parallel,
                halted=self._halted.is_set(),
            )
            self._states |= dict.fromkeys(move.skip, "Skipped")
            if move.verdict:
                return move.verdict
            for name in move.start:
                self._start(self.definition.steps[name])
            message = self._messages.get()
            if message:
                self._states[message[0]] = message[1]

    def stop(self) -> None:
        """Start nothing more, and stop what runs."""
        self._halted.set()
        for control in list(self._controls.values()):
            control.stop()
        self._messages.put(None)

    def _start(self, step: Step) -> None:
        self._states[step.name] = "Executing"
        control = self._controls[step.name] = Control()
        if self._halted.is_set():
            control.stop()
        threading.Thread(target=self._carry_out, args=(step, control), name=step.name, daemon=True).start()

    def _carry_out(self, step: Step, control: Control) -> None:
        state: StepState = "Succeeded"
        outcome: Outcome | None = None
        reason: str | None = None
        try:
            outcome = self._attempts(step, control)
            self._described[step.name] = outcome.described
        except StepFailure as failure:
            state = "Stopped" if failure.stopped else "Failed"
            reason, outcome = str(failure), Outcome({}, failure.metadata)
        except Exception as error:  # noqa: BLE001 - a step never ends without a status
            state, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
        self.watcher.ended(step, state, outcome, reason)
        if step.type == "Fail":
            self.stop()
        self._messages.put((step.name, state))

    def _attempts(self, step: Step, control: Control) -> Outcome:
        begun, attempt = time.monotonic(), 1
        while True:
            self.watcher.started(step, attempt)
            try:
                return self._attempt(step, control)
            except StepFailure as failure:
                wait = retries.delay(step.retries, failure.error, attempt, time.monotonic() - begun)
                if wait is None or self._halted.wait(wait):
                    raise
                attempt += 1

    def _attempt(self, step: Step, control: Control) -> Outcome:
        try:
            if step.type == "Condition":
                return self._decide(step)
            arguments = references.resolve(step.arguments, self)
        except (references.Unresolved, conditions.ConditionError) as error:
            raise StepFailure(f"ClientError: {error}") from None
        if step.type == "Fail":
            message = references.as_text(arguments["ErrorMessage"])
            raise StepFailure(message, metadata={"Fail": {"ErrorMessage": message}})
        return self.worker.run(step, arguments, control)

    def _decide(self, step: Step) -> Outcome:
        def resolve(value: Any) -> Any:
            return references.resolve(value, self)

        outcome = all(conditions.holds(one, resolve) for one in step.arguments["Conditions"])
        self._outcomes[step.name] = outcome
        return Outcome({"Outcome": str(outcome)}, {"Condition": {"Outcome": str(outcome)}})

    # ---- the values of placeholders (references.Values)

    def parameter(self, name: str) -> Any:
        return self.parameters[name]

    def execution(self, name: str) -> Any:
        if name == "CurrentDateTime":
            return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self.variables[name]

    def step(self, name: str) -> Any:
        if name not in self._described:
            raise references.Unresolved(f"step {name} has no properties: it did not run")
        return self._described[name]

    def property_file(self, step: str, name: str) -> Any:
        file = next(
            one for one in self.definition.steps[step].property_files if one["PropertyFileName"] == name
        )
        output = references.walk(
            self.step(step),
            ("ProcessingOutputConfig", "Outputs", file["OutputName"]),
            f"property file {name}",
        )
        return self.worker.read_json(f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}")

    def json_object(self, uri: str) -> Any:
        return self.worker.read_json(uri)
