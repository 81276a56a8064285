"""AWS's own `cdk` agrees: it synthesizes the same and finds nothing to change in what we deployed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.infra.manifest import read_stacks
from tests.cdk.conftest import CHECKOUT
from tests.infra.conftest import Cloud

CDK = CHECKOUT / "node_modules" / ".bin" / "cdk"


@pytest.mark.skipif(not CDK.exists(), reason="the cdk command line is not installed: make install")
def test_the_cdk_command_line_finds_no_change(cloud: Cloud, tmp_path: Path) -> None:
    environment = os.environ | cloud.laptop | {"CI": "1", "CDK_VALIDATION": "false"}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [str(CDK), "deploy", "--all", "--require-approval", "never", "--no-color", "--output", str(tmp_path)],
        cwd=CHECKOUT,
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (done.stdout + done.stderr).count("(no changes)") == len(read_stacks(tmp_path))
