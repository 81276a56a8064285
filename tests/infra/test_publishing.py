"""Zipping a folder: the same bytes for the same content, and nothing else of the machine in it."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from isthmus.infra.publishing import zipped


def fill(folder: Path, names: list[str]) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}\n")
    return folder


def test_order_and_time_of_writing_do_not_show(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", ["b/handler.py", "a.py"])
    two = fill(tmp_path / "two", ["a.py", "b/handler.py"])
    os.utime(two / "a.py", (1, 1))
    assert zipped(one) == zipped(two)


def test_content_and_permission_do_show(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", ["run.sh"])
    before = zipped(one)
    (one / "run.sh").chmod(0o755)
    after = zipped(one)
    assert before != after
    (entry,) = zipfile.ZipFile(io.BytesIO(after)).infolist()
    assert (entry.filename, entry.external_attr >> 16) == ("run.sh", 0o755)
