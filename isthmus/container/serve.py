"""`serve`: the entry point of endpoints; answers /ping and /invocations with the model under /opt/ml/model.

One process for each vCPU, or as many as `SAGEMAKER_MODEL_SERVER_WORKERS` says, each with the model. One
that is killed is replaced; one that cannot load the model ends them all, for none of the others could. What
a process does is `server`'s. Contract: SageMaker's "Custom inference code with hosting services".
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from isthmus.container.paths import model_dir
from isthmus.errors import Problem

Work = Callable[[], int]


def main() -> None:
    """Serve until SIGTERM, then finish the requests under way; exits with 0, or 1 where it cannot serve."""
    # A request has few rows: threads of one prediction only wait for each other. Requests run side by side.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or len(os.sched_getaffinity(0)))
    sys.exit(Workers(lambda: work(shared=True)).run(workers) if workers > 1 else work())


def work(*, shared: bool = False) -> int:
    """Load the model and serve it in this process; returns the exit code."""
    from isthmus.container.application import Application
    from isthmus.container.model import load
    from isthmus.container.server import Server, listen

    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    host = os.environ.get("ISTHMUS_BIND_HOST", "0.0.0.0")  # noqa: S104  SageMaker calls from outside the container
    try:
        application = Application(load(model_dir()))
        listening = listen(host, port, shared=shared)
    except Problem as problem:
        return _cannot(problem.what, problem.exit_code)
    except OSError as error:
        return _cannot(f"port {port} of {host}: {error.strerror}", 1)
    # A model and its libraries are hundreds of thousands of objects: a request would wait until all are seen.
    gc.collect()
    gc.freeze()
    Server(application).run([listening])
    return 0


def _cannot(why: str, code: int) -> int:
    _log(why)
    return code


def _log(line: str) -> None:
    """In one piece: several processes share the log."""
    os.write(2, f"serve: {line}\n".encode(errors="replace"))


class Workers:
    """Processes that each do `work`, made by fork before anything is imported that has threads."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.running: set[int] = set()
        self.stopping = False

    def run(self, count: int) -> int:
        """Keep `count` of them at work; returns 0 after SIGTERM, else the code of the one that gave up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(count):
            self._start()
        result = 0
        while self.running:
            process, status = os.wait()
            self.running.discard(process)
            code = os.waitstatus_to_exitcode(status)
            if self.stopping:
                continue
            if code < 0:
                _log(f"a process was ended by signal {-code}, and is replaced")
                self._start()
            else:
                result = code
                self._stop()
        return result

    def _start(self) -> None:
        process = os.fork()
        if process == 0:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            code = self.work()
            sys.stdout.flush()
            os._exit(code)
        self.running.add(process)
        if self.stopping:
            os.kill(process, signal.SIGTERM)

    def _stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.stopping = True
        for process in self.running:
            os.kill(process, signal.SIGTERM)
