"""`isthmus demo --model-build DIR`: what is laid out, and that one's own files stay as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus.errors import BadInput
from isthmus.local.commands import demo
from isthmus.local.furnish import CHECKOUT
from isthmus.local.scene import lay


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model-build folder of one's own, outside of any checkout."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "own"
    shutil.copytree(CHECKOUT / "model-build", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return folder


def source(own: Path, name: str) -> None:
    file = own / "model.yaml"
    file.write_text(file.read_text().replace("data/weather.csv", name))


@pytest.mark.parametrize("name", ["{outside}", "../rows.csv", "data/../../rows.csv"])
def test_a_data_file_outside_is_neither_read_nor_written(own: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "rows.csv"
    shutil.move(own / "data" / "weather.csv", outside)
    before = outside.read_bytes()
    source(own, name.format(outside=outside))
    with pytest.raises(BadInput, match="name a file in the repository") as caught:
        CliRunner().invoke(demo, ["--model-build", str(own)], catch_exceptions=False)
    assert f"{own / 'model.yaml'}:7, data.source" in str(caught.value)
    assert outside.read_bytes() == before


def test_links_that_lead_out_are_refused_and_those_inside_become_files(own: Path, tmp_path: Path) -> None:
    data = own / "data" / "weather.csv"
    real = data.rename(own / "data" / "real.csv")
    data.symlink_to(real)
    (own / "data" / "later.csv").unlink()  # so that the scene starts with the first half of the data alone
    before = real.read_bytes()
    scene = lay(tmp_path / "scene", own)
    laid = scene.folders.model_build / "data" / "weather.csv"
    assert len(laid.read_bytes()) < len(before)
    assert real.read_bytes() == before
    secret = tmp_path / "secret.py"
    secret.write_text("TOKEN = 1\n")
    (own / "steps" / "secret.py").symlink_to(secret)
    with pytest.raises(BadInput, match=r"steps/secret\.py leads out of the repository"):
        lay(tmp_path / "again", own)
