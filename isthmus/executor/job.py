"""What processing and training jobs share: how one is run, what it may use, and how it ends."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.executor import sandbox
from isthmus.executor.objects import ObjectStore, StoreError, download_prefix
from isthmus.executor.program import NoProgram, OnLines, Program, image_environment
from isthmus.executor.record import Record

HOST = "algo-1"


@dataclass(frozen=True)
class Place:
    """What a job runs with: its objects, its folder, and the variables that only this place knows.

    `environment` has the role's credentials and where AWS is; a sample's run has neither.
    """

    objects: ObjectStore
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    on_lines: OnLines = lambda _lines: None
    isolation: sandbox.Kind | None = None
    offline: bool = False

    @property
    def opt_ml(self) -> Path:
        return self.folder / "ml"


@dataclass(frozen=True)
class Ending:
    """How a job ended: `status` is Completed, Failed or Stopped."""

    status: str
    failure_reason: str | None = None
    exit_message: str | None = None
    artifacts: str | None = None


class JobFailure(Exception):
    """The job fails with this FailureReason."""


@dataclass
class Control:
    """Stops a job from another thread: at once if it runs, else before it starts."""

    reason: str | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    _program: Program | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, program: Program, seconds: float | None) -> int:
        """Run `program` unless the job was stopped already; past `seconds` the reason is MaxRuntime."""
        with self._lock:
            if self.reason:
                return 128 + 15
            self._program = program
        timer = threading.Timer(seconds, self.stop, ("MaxRuntime",)) if seconds else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            return program.run()
        finally:
            if timer:
                timer.cancel()

    def stop(self, reason: str = "Stopped") -> None:
        with self._lock:
            self.reason = self.reason or reason
            self.stopped.set()
            program = self._program
        if program is not None:
            program.stop()


def isolated(job: Record) -> bool:
    """Whether a job's containers may call nobody: then they have no credentials either."""
    return bool((job.get("NetworkConfig") or job).get("EnableNetworkIsolation"))


def download(uri: str, folder: Path, place: Place, given_in: str) -> None:
    """Fill the folder with the objects under a prefix; raises `JobFailure` where there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        count = download_prefix(place.objects, uri, folder)
    except StoreError as error:
        raise JobFailure(f"ClientError: Data download failed:{error}") from None
    if not count:
        raise JobFailure(
            f"ClientError: Data download failed:No S3 objects found under S3 URL {uri!r} given in {given_in}"
        )


def run_program(
    place: Place, argv: list[str], variables: Mapping[str, str], control: Control, seconds: float | None
) -> int:
    """Run one program of the image with the job's variables, and return its exit code."""
    env = {**image_environment(place.folder / "tmp"), **place.environment, **variables}
    program = Program(argv, env, place.opt_ml, place.on_lines, place.isolation, place.offline)
    try:
        return control.run(program, seconds)
    except NoProgram as error:
        raise JobFailure(f"ClientError: failed to run container: {error}") from None


def ended(code: int, control: Control, opt_ml: Path) -> Ending:
    """The ending that an exit code and `/opt/ml/output/failure` mean."""
    message = _text(opt_ml / "output" / "message")
    if control.reason == "MaxRuntime":
        return Ending("Stopped", "The job exceeded its maximum runtime and was stopped.", message)
    if control.reason is not None:
        return Ending("Stopped", exit_message=message)
    if code != 0:
        said = _text(opt_ml / "output" / "failure") or ""
        return Ending("Failed", f"AlgorithmError: {said}, exit code: {code}", message)
    return Ending("Completed", exit_message=message)


def inside(opt_ml: Path, path: str) -> Path:
    """Where a container's path below /opt/ml is on this machine."""
    if not (path + "/").startswith(sandbox.OPT_ML + "/") or ".." in path.split("/"):
        raise JobFailure(f"ClientError: {path} is not below {sandbox.OPT_ML}")
    return opt_ml / path[len(sandbox.OPT_ML) :].strip("/")


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def pack(folder: Path, archive: Path) -> None:
    """A folder's content as a .tar.gz: the same content gives the same bytes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def guarded(run: Callable[[], Ending]) -> Ending:
    """Run a job's body; whatever it raises is how the job failed."""
    try:
        return run()
    except JobFailure as failure:
        return Ending("Failed", str(failure))
    except StoreError as error:
        return Ending("Failed", f"ClientError: Data access failed: {error}")
    except Exception as error:  # noqa: BLE001 - a job never ends without a status
        return Ending("Failed", f"InternalServerError: {type(error).__name__}: {error}")


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
    return info


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")[:1024].strip()
    except OSError:
        return None
