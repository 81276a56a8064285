"""`isthmus demo --model-build DIR`: what is laid out, and that one's own files stay as they are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus.azure.wanted import wanted
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


@pytest.mark.parametrize(
    ("removed", "told"),
    [
        (["pipeline.py"], "there is no pipeline.py"),
        (["serving"], "there is no serving"),
        (["pipeline.py", "serving"], "there is no pipeline.py and no serving"),
    ],
)
def test_what_a_build_would_miss_is_told_before_the_clouds_start(
    own: Path, removed: list[str], told: str
) -> None:
    for name in removed:
        shutil.rmtree(own / name) if (own / name).is_dir() else (own / name).unlink()
    with pytest.raises(BadInput, match=rf"^{re.escape(told)}\n") as caught:
        CliRunner().invoke(demo, ["--model-build", str(own)], catch_exceptions=False)
    assert str(own) in str(caught.value)


def test_links_that_lead_out_are_refused_and_those_inside_become_files(own: Path, tmp_path: Path) -> None:
    data = own / "data" / "weather.csv"
    real = data.rename(own / "data" / "real.csv")
    data.symlink_to(real)
    (own / "data" / "later.csv").unlink()  # so that the scene starts with the first half of the data alone
    before = real.read_bytes()
    lay(tmp_path / "scene", own)
    laid = tmp_path / "scene" / "model-build" / "data" / "weather.csv"
    assert len(laid.read_bytes()) < len(before)
    assert real.read_bytes() == before
    secret = tmp_path / "secret.py"
    secret.write_text("TOKEN = 1\n")
    (own / "steps" / "secret.py").symlink_to(secret)
    with pytest.raises(BadInput, match=r"steps/secret\.py leads out of the repository"):
        lay(tmp_path / "again", own)


def test_data_are_cut_as_they_are_read_for_training(own: Path, tmp_path: Path) -> None:
    """No header, semicolons, a byte-order mark, moments that are numbers: 9 comes before 10."""
    (own / "data" / "later.csv").unlink()
    rows = [f"{moment};{moment % 2};{moment / 3:.2f}" for moment in (10, 9, 11, 8, 12, 7)]
    (own / "data" / "weather.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    source(own, "data/weather.csv\n  separator: ';'\n  columns: [date, rain_tomorrow, wind]")
    file = own / "model.yaml"
    file.write_text(re.sub(r"features: .*", "features: [wind]", file.read_text()))
    scene = lay(tmp_path / "scene", own)
    laid = tmp_path / "scene" / "model-build" / "data" / "weather.csv"
    assert laid.read_text() == "7;1;2.33\n8;0;2.67\n9;1;3.00\n"
    assert [row["date"] for row in scene.later.rows] == ["10", "11", "12"]
    assert scene.later.table.text(scene.model) == b"10;0;3.33\n11;1;3.67\n12;0;4.00\n"


def test_data_sorted_by_class_are_cut_with_both_classes_in_each_half(own: Path, tmp_path: Path) -> None:
    (own / "data" / "later.csv").unlink()
    rows = [f"{target},{number}" for target in (0, 1) for number in range(3)]
    (own / "data" / "weather.csv").write_text("\n".join(["rain_tomorrow,wind", *rows]))
    file = own / "model.yaml"
    text = re.sub(r"features: .*", "features: [wind]", file.read_text())
    file.write_text(text.replace("  time: date\n", ""))
    scene = lay(tmp_path / "scene", own)
    assert {row["rain_tomorrow"] for row in scene.later.rows} == {"0", "1"}


def test_later_rows_that_do_not_fit_are_refused(own: Path, tmp_path: Path) -> None:
    (own / "data" / "later.csv").write_text("date,wind\n")
    with pytest.raises(BadInput, match="no column 'day_of_year' in the data") as caught:
        lay(tmp_path / "scene", own)
    assert caught.value.where == "data/later.csv"


def test_folders_beside_platform_yaml_may_be_called_as_the_repositories_are(
    own: Path, tmp_path: Path
) -> None:
    described = (CHECKOUT / "platform.yaml").read_text()
    named = "    build_repository: rain-build\n    deploy_repository: rain-deploy\n"
    owner = "    owner: weather-team@contoso.example\n"
    (tmp_path / "platform.yaml").write_text(described.replace(owner, owner + named))
    own.rename(tmp_path / "rain-build")
    shutil.copytree(CHECKOUT / "model-deploy", tmp_path / "rain-deploy")
    for folder in ("rain-build", "rain-deploy"):
        (tmp_path / folder / "ours.txt").write_text(folder)
    (tmp_path / "laid").mkdir()
    scene = lay(tmp_path / "laid")
    for repository in wanted(scene.platform).repositories:
        if repository.content != "platform":
            assert scene.folders.files(repository)["ours.txt"].read_text() == repository.name
