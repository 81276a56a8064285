"""A Lambda's code as a folder: our package and its locked dependencies, the same bytes on every machine.

What the package shares with others of ours it names in its `carries.txt`: files and folders, from beside it.
Only pure-Python wheels, each by hash, so that no Docker and no compiler is needed. Folders are cached by
the hash of what goes into them, because installing takes longer than everything else in a synth.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from isthmus.errors import Problem

PYTHON = "3.14"
CARRIES = "carries.txt"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "requirements*", CARRIES, "*.md", ".*")


def lambda_folder(package: Path) -> Path:
    """The folder to upload for `package`, whose dependencies stand in its `requirements.txt` with hashes.

    Raises `Problem` when a dependency cannot be installed, or brings compiled code.
    """
    return code_folder(package, package / "requirements.txt")


def code_folder(package: Path, requirements: Path) -> Path:
    """The same for a package whose requirements stand elsewhere."""
    folder = _cache() / f"{package.name}-{_hash(package, requirements)}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "code"
            _install(requirements, made)
            shutil.copytree(package, made / package.name, ignore=LEFT_OUT)
            for path in _carried(package):
                target = made / path.relative_to(package.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            _refuse_compiled(made)
            _move(made, folder)
    return folder


def _cache() -> Path:
    here = Path(sys.prefix) if os.access(sys.prefix, os.W_OK) else Path.home() / ".cache" / "isthmus"
    return Path(os.environ.get("ISTHMUS_CACHE") or here / "cache").resolve() / "lambda"


def _hash(package: Path, requirements: Path) -> str:
    """Of each file's path and content; the clock and the machine have no part in it."""
    digest = hashlib.sha256(PYTHON.encode() + requirements.read_bytes())
    for path in [*_files(package), *_carried(package)]:
        digest.update(f"{path.relative_to(package.parent).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _carried(package: Path) -> list[Path]:
    """The files that the package shares with others of ours."""
    listed = package / CARRIES
    named = [package.parent / line for line in listed.read_text().split()] if listed.exists() else []
    return [file for path in named for file in (_files(path) if path.is_dir() else [path])]


def _install(requirements: Path, target: Path) -> None:
    command = [*_installer(), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--python-version", PYTHON, "--target", str(target), "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(
            "the Lambda's dependencies could not be installed",
            where=str(requirements),
            todo=done.stderr.strip()[-600:],
        )
    for path in sorted(target.rglob("*"), reverse=True):
        if _is_of_this_machine(path.relative_to(target)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_of_this_machine(path: Path) -> bool:
    """Who installed it, when and from where: nothing that Lambda reads, and different on every machine."""
    if path.parts[0] in ("bin", ".lock", ".gitignore") or path.name == "__pycache__":
        return True
    return path.parts[0].endswith(".dist-info") and path.name not in ("METADATA", path.parts[0])


def _installer() -> list[str]:
    """uv where it is there (it takes a tenth of the time), else pip; both take the same options."""
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        return [str(uv), "pip", "install", "--quiet", "--no-compile-bytecode", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]


def _refuse_compiled(folder: Path) -> None:
    compiled = next((p for p in folder.rglob("*") if p.suffix in (".so", ".pyd", ".dylib")), None)
    if compiled:
        raise Problem(
            f"{compiled.name} is compiled code, and the asset must be pure Python",
            where=str(compiled.relative_to(folder)),
            todo="lock a pure-Python wheel of that dependency, or do without it",
        )


def _move(made: Path, folder: Path) -> None:
    """Into place in one step; whoever was quicker at the same time has made the same bytes."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise
