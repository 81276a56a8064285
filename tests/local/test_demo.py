"""`isthmus demo`: what it refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus.errors import Refused
from isthmus.local import lock
from isthmus.local.commands import demo


def test_a_second_demo_leaves_the_first_ones_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / ".isthmus" / "demo" / "scene"
    mine.mkdir(parents=True)
    with (
        lock.held(tmp_path / ".isthmus" / "demo.lock", Refused("free")),
        pytest.raises(Refused, match="a demo is already running here"),
    ):
        CliRunner().invoke(demo, catch_exceptions=False)
    assert mine.exists()
