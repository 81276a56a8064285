"""A synth that is killed: nothing of it runs on, and nothing of it hinders the next."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from isthmus.infra.synth import synthesize
from tests.local.azure_devops.standin import until

HALF_MADE = """
import os, pathlib, signal, time
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir(exist_ok=True)
(out / "half.template.json").write_text("{")
pathlib.Path("pid").write_text(str(os.getpid()))
os.kill(int(os.environ["WHO_SYNTHESIZES"]), signal.SIGKILL)
time.sleep(600)
"""
WHOLE = """
import os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir(exist_ok=True)
(out / "manifest.json").write_text("{}")
"""
SYNTHESIZES = """
import os, pathlib
from isthmus.infra.synth import synthesize
os.environ["WHO_SYNTHESIZES"] = str(os.getpid())
synthesize(pathlib.Path("app.py"), pathlib.Path("out"))
"""


def test_a_killed_synth(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(HALF_MADE)
    done = subprocess.run([sys.executable, "-c", SYNTHESIZES], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    left = Path("/proc") / (tmp_path / "pid").read_text()
    assert until(lambda: not left.exists())
    assert not (tmp_path / "out").exists()
    app.write_text(WHOLE)
    assert [file.name for file in synthesize(app, tmp_path / "out").iterdir()] == ["manifest.json"]
    assert not (tmp_path / "out.partial").exists()
