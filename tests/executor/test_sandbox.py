"""However the machine isolates, a program sees its own /opt/ml, and nothing is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.executor import sandbox
from isthmus.executor.job import Control
from isthmus.executor.program import NoProgram, Program, image_environment
from isthmus.executor.sandbox import Kind

KINDS: list[Kind] = ["bwrap", "unshare", "remap"]
LOOK = "import os; root = os.environ.get('ISTHMUS_OPT_ML', '/opt/ml'); print(open(root + '/seen').read())"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    if found != "remap" and not sandbox.works(found):
        pytest.skip(f"{found} does not work on this machine")
    return found


def run(folder: Path, kind: Kind, *argv: str) -> tuple[int, list[str]]:
    opt_ml = folder / "ml"
    opt_ml.mkdir(exist_ok=True)
    (opt_ml / "seen").write_text("mine")
    lines: list[str] = []
    program = Program(list(argv), image_environment(folder / "tmp"), opt_ml, lines.extend, kind)
    return Control().run(program, 20), lines


def test_a_program_sees_its_own_folder(tmp_path: Path, kind: Kind) -> None:
    assert run(tmp_path, kind, "python3", "-S", "-c", LOOK) == (0, ["mine"])


def test_paths_in_arguments_are_found(tmp_path: Path, kind: Kind) -> None:
    assert run(tmp_path, kind, "cat", "/opt/ml/seen") == (0, ["mine"])


def test_what_is_written_stays(tmp_path: Path, kind: Kind) -> None:
    assert run(tmp_path, kind, "sh", "-c", "echo out > /opt/ml/written")[0] == 0
    assert (tmp_path / "ml" / "written").read_text() == "out\n"


def test_the_exit_code_and_all_output_come_back(tmp_path: Path, kind: Kind) -> None:
    code, lines = run(tmp_path, kind, "sh", "-c", "seq 1 5000; printf end >&2; exit 7")
    assert code == 7
    assert (len(lines), lines[-1]) == (5001, "end")


def test_the_rest_of_the_machine_is_there(tmp_path: Path, kind: Kind) -> None:
    found = Path("/opt")
    before = sorted(path.name for path in found.iterdir()) if found.is_dir() else []
    code, lines = run(
        tmp_path, kind, "python3", "-c", "import json, os; print(json.dumps(os.listdir('/opt')))"
    )
    assert code == 0
    assert set(before) <= set(json.loads(lines[0]))
    assert (sorted(path.name for path in found.iterdir()) if found.is_dir() else []) == before


def test_nothing_of_the_servers_environment_is_passed_on(tmp_path: Path, kind: Kind) -> None:
    os.environ["SERVERS_SECRET"] = "x"
    try:
        _, lines = run(tmp_path, kind, "env")
    finally:
        del os.environ["SERVERS_SECRET"]
    assert not any(line.startswith("SERVERS_SECRET") for line in lines)


def test_an_unknown_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoProgram, match='exec: "trian": executable file not found'):
        run(tmp_path, "remap", "trian")


def test_a_program_dies_with_the_process_that_runs_it(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "ml").mkdir()
    script = f"""
import os, sys, pathlib
from isthmus.executor.program import Program, image_environment
folder = pathlib.Path({str(tmp_path)!r})
program = Program(["sh", "-c", "echo $$; exec sleep 600"], image_environment(folder / "tmp"), folder / "ml",
    lambda lines: (print(lines[0], flush=True), os.kill(os.getpid(), 9)), {kind!r}, grace=0.2)
program.run()
"""
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    pid = int(out.stdout)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return
        os.sched_yield()
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError(f"process {pid} outlived its server")
