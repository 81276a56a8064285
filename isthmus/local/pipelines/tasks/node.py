"""NodeTool@0 and UseNode@1: the Node.js that is installed, if it is of the version."""

from __future__ import annotations

import re
import shutil
import subprocess

from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.python import satisfies
from isthmus.local.pipelines.tasks.task import Task


def _use_node(step: Running) -> None:
    spec = step.input("versionSpec") or step.input("version", "10.x")
    executable = shutil.which("node", path=step.environment().get("PATH", ""))
    if executable is None:
        raise StepFailed("there is no `node` on this machine")
    done = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    version = tuple(map(int, match.groups())) if match else (0, 0, 0)
    if not satisfies((version[0], version[1], version[2]), spec):
        raise StepFailed(f"Node.js here is {done.stdout.strip()}, and the pipeline wants {spec!r}")
    step.log(f"Node.js {done.stdout.strip()} at {executable}")


_INPUTS = ("versionSpec", "version", "versionSource", "versionFilePath", "checkLatest", "force32bit")
USE_NODE = Task(_use_node, _INPUTS)
