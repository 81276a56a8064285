from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from isthmus.cli import isthmus
from isthmus.errors import BadInput


def test_a_baseline_of_a_file(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,y\n1,x,0\n2,,1\n3,z,1\n")
    output = tmp_path / "baseline"
    words = ["monitor", "baseline", str(rows), "--target", "y", "--output", str(output)]
    done = CliRunner().invoke(isthmus, words)
    assert done.exit_code == 0, done.output
    assert "3 rows" in done.output and "66.7% complete" in done.output
    found = json.loads((output / "baseline.json").read_text())
    assert (found["target"], list(found["features"])) == ("y", ["a", "b"])
    assert sorted(path.name for path in output.iterdir()) == [
        "baseline.json",
        "constraints.json",
        "preprocessor.py",
        "statistics.json",
    ]


def test_a_baseline_of_chosen_columns(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,y\n1,x,0\n")
    output = tmp_path / "out"
    common = ["monitor", "baseline", str(rows), "--output", str(output), "--features"]
    assert CliRunner().invoke(isthmus, [*common, "a"]).exit_code == 0
    assert list(json.loads((output / "baseline.json").read_text())["features"]) == ["a"]
    wrong = CliRunner().invoke(isthmus, [*common, "a,c"])
    assert isinstance(wrong.exception, BadInput) and "'c'" in wrong.exception.what


def test_what_is_no_csv_is_said_so(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(b"a,b\n\xff\xfe,1\n1,2,3\n")
    done = CliRunner().invoke(isthmus, ["monitor", "baseline", str(rows)])
    assert isinstance(done.exception, BadInput)
    assert "not a CSV file" in done.exception.what
