"""Installs the command `isthmus` from this checkout of the platform, at the versions that its lock names.

    python install.py build|check|deploy|follow

An agent whose Python holds all of it already is left as it is. Runs before anything is installed, so it
knows the standard library only.
"""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def wanted(extra: str) -> list[str]:
    """The names of what the extra needs, of the extras that it names in turn, and of isthmus itself."""
    names = []
    for requirement in PROJECT["optional-dependencies"][extra]:
        name, extras = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", requirement).groups()
        names += [n for one in extras.split(",") for n in wanted(one)] if name == PROJECT["name"] else [name]
    return [*names, *(re.match(r"[\w.-]+", one)[0] for one in PROJECT["dependencies"])]


def is_there(extra: str) -> bool:
    """Whether this very version of isthmus and what the extra needs are installed."""
    try:
        if importlib.metadata.version(PROJECT["name"]) != PROJECT["version"]:
            return False
        for name in wanted(extra):
            importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def install(extra: str) -> None:
    """By hash, the same files wherever it is installed; uv only because pip takes ten times as long."""
    locks = ROOT / "requirements"
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "-r", locks / "bootstrap.lock"], check=True)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    subprocess.run([*uv, "--require-hashes", "-r", locks / f"{extra}.lock"], check=True)
    subprocess.run([*uv, "--no-deps", ROOT], check=True)


if __name__ == "__main__":
    if not is_there(sys.argv[1]):
        install(sys.argv[1])
