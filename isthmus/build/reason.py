"""What SageMaker's FailureReason of a job means to whoever has to mend it."""

from __future__ import annotations

import re
import signal

# By far the likeliest cause of each signal that ends a job, and what to do about it.
MEANT = {
    signal.SIGKILL: (
        "which usually means out of memory",
        "take a larger compute.instance_type (model.yaml), or read fewer rows at a time",
    ),
    signal.SIGSEGV: ("a crash in a native library", "look for the library's versions in the image"),
    signal.SIGBUS: ("usually a full disk or /dev/shm", "take a larger compute.volume_gb (model.yaml)"),
    signal.SIGABRT: ("a native library gave up", "its last words stand in the log"),
    signal.SIGTERM: ("it was asked to stop", "look for who stopped it, or its time (compute.max_minutes)"),
}
_KILLED = re.compile(r"AlgorithmError: ,? ?exit code: (\d+)")


def explain(reason: str) -> tuple[str, str]:
    """The reason in words, and what to do; as it is where it says something already.

    A program that a signal ended leaves no words, and the shell's 128 + signal as its exit code.
    """
    found = _KILLED.fullmatch(reason)
    if not found:
        return reason, ""
    code = int(found[1])
    if code - 128 not in signal.valid_signals():
        return f"it ended with exit code {code} and no word", "look for its end in the log"
    number = signal.Signals(code - 128)
    meaning, todo = MEANT.get(number, ("", "look for its end in the log"))
    return f"killed by {number.name}{', ' * bool(meaning)}{meaning} (exit code {code})", todo
