"""No process outlives the one that started it."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus import lifeline

PARENT = """
import os, sys
from isthmus import lifeline
process = lifeline.spawn(["sh", "-c", sys.argv[1]])
process.wait()
"""
ALONE = "import os, time; os.setsid(); os.write(2, b'started'); time.sleep(600)"
IN_ITS_GROUP = "sleep 600 & echo started >&2; exec sleep 600"
IN_ANOTHER_ONE = f'{sys.executable} -c "{ALONE}" & exec sleep 600'
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="adopts no orphans")


def closed(reading: int) -> bool:
    """Whether every process that held the pipe's writing end has ended, within ten seconds."""
    while select.select([reading], [], [], 10)[0]:
        if not os.read(reading, 1024):
            return True
    return False


@pytest.mark.parametrize("script", [IN_ITS_GROUP, pytest.param(IN_ANOTHER_ONE, marks=only_linux)])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_end_with_their_parent(number: signal.Signals, script: str) -> None:
    reading, writing = os.pipe()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, script], stderr=writing)
    os.close(writing)
    assert os.read(reading, 7) == b"started"
    parent.send_signal(number)
    parent.wait()
    assert closed(reading)
    os.close(reading)


def test_the_exit_code_is_the_childs() -> None:
    assert lifeline.spawn(["sh", "-c", "exit 7"]).wait() == 7
    assert lifeline.spawn(["sh", "-c", "kill -9 $$"]).wait() == 137


def test_a_parent_may_have_more_files_open_than_select_can_count() -> None:
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, 2048), most))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert lifeline.stop(lifeline.spawn(["sleep", "600"])) == 128 + signal.SIGTERM
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = lifeline.spawn(
        ["sh", "-c", "trap '' TERM; echo started; while :; do sleep 600; done"], stdout=writing, grace=0.1
    )
    os.close(writing)
    assert os.read(reading, 7) == b"started"
    assert lifeline.stop(process) == 137
    assert closed(reading)
    os.close(reading)
