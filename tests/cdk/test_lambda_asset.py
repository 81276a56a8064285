"""The Lambda's folder: named by its content, refused where it would not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk.parts import lambda_asset
from isthmus.errors import Problem


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "carrier"
    folder.mkdir()
    (folder / "handler.py").write_text("def handle(event, context): return event\n")
    (folder / "requirements.txt").write_text("")
    return folder


def test_the_folder_holds_the_package_and_is_made_once(package: Path) -> None:
    made = lambda_asset.lambda_folder(package)
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*")) == [
        "carrier",
        "carrier/handler.py",
    ]
    stamp = made.stat().st_mtime_ns
    assert lambda_asset.lambda_folder(package).stat().st_mtime_ns == stamp


def test_other_content_is_another_folder(package: Path) -> None:
    before = lambda_asset.lambda_folder(package)
    (package / "handler.py").write_text("def handle(event, context): return None\n")
    assert lambda_asset.lambda_folder(package) != before


def test_what_it_shares_with_others_is_beside_it_and_part_of_its_name(package: Path) -> None:
    ours = package.parent / "ours"
    (ours / "below").mkdir(parents=True)
    for name in ("__init__.py", "below/one.py", "other.py"):
        (ours / name).write_text("x = 1\n")
    (package / "carries.txt").write_text("ours/__init__.py\nours/below\n")
    made = lambda_asset.lambda_folder(package)
    found = sorted(path.relative_to(made).as_posix() for path in made.rglob("*.py"))
    assert found == ["carrier/handler.py", "ours/__init__.py", "ours/below/one.py"]
    (ours / "below/one.py").write_text("x = 2\n")
    assert lambda_asset.lambda_folder(package) != made


def test_compiled_code_is_refused(package: Path) -> None:
    (package / "fast.so").write_bytes(b"\x7fELF")
    with pytest.raises(Problem, match=r"fast\.so is compiled code"):
        lambda_asset.lambda_folder(package)


def test_a_dependency_without_a_hash_is_refused(package: Path) -> None:
    (package / "requirements.txt").write_text("requests==2.0.0\n")
    with pytest.raises(Problem, match="dependencies could not be installed") as problem:
        lambda_asset.lambda_folder(package)
    assert "hash" in problem.value.todo
