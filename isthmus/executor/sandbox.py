"""How a program sees its own `/opt/ml`: by bubblewrap, by user and mount namespaces, or by other paths.

What the machine allows is tried once. Where neither namespace works, programs find their files by the
variables of SageMaker's training toolkit (`SM_*`) and `ISTHMUS_OPT_ML`, and `/opt/ml` in arguments and
variables is replaced. Offline a program sees no network but its own loopback, where the machine allows that.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["bwrap", "unshare", "remap"]
OPT_ML = "/opt/ml"

# Runs in fresh namespaces: $1 is what /opt/ml shall be, $2 an empty folder; the rest is the program.
# Whatever else is in /opt stays there (a Python may live in it), and the machine's own /opt is untouched.
_MOUNTS = """
set -e
source=$1; aside=$2; shift 2
if [ ! -d /opt/ml ]; then
  mount --rbind /opt "$aside"
  mount -t tmpfs tmpfs /opt
  for path in "$aside"/* "$aside"/.[!.]*; do
    if [ -L "$path" ]; then cp -P "$path" /opt/
    elif [ -d "$path" ]; then mkdir "/opt/${path##*/}"; mount --rbind "$path" "/opt/${path##*/}"
    elif [ -e "$path" ]; then : > "/opt/${path##*/}"; mount --bind "$path" "/opt/${path##*/}"
    fi
  done
  mkdir /opt/ml
fi
mount --bind "$source" /opt/ml
exec "$@"
"""
# Where `ip` is not installed there is no loopback either.
_LOOPBACK = "ip link set lo up 2> /dev/null || true\n"


class Launch(NamedTuple):
    argv: list[str]
    env: dict[str, str]


def launch(
    argv: Sequence[str], env: Mapping[str, str], opt_ml: Path, kind: Kind | None = None, offline: bool = False
) -> Launch:
    """The command and environment with which `argv` sees the folder `opt_ml` as `/opt/ml`."""
    kind = kind or available()
    return _launch(argv, env, opt_ml, kind, offline and kind != "remap" and _tried(kind, offline=True))


def _launch(argv: Sequence[str], env: Mapping[str, str], opt_ml: Path, kind: Kind, offline: bool) -> Launch:
    if kind == "bwrap":
        root = [*_bwrap_root(), "--bind", str(opt_ml), OPT_ML]
        return Launch([_tool("bwrap"), *["--unshare-net"] * offline, *root, "--", *argv], dict(env))
    if kind == "unshare":
        aside = opt_ml.parent / "opt"
        aside.mkdir(exist_ok=True)
        script = _LOOPBACK * offline + _MOUNTS
        words = ["--net"] * offline + ["sh", "-c", script, "sh", str(opt_ml), str(aside)]
        return Launch([_tool("unshare"), *_UNSHARE, *words, *argv], dict(env))
    moved = {key: value.replace(OPT_ML, str(opt_ml)) for key, value in env.items()}
    return Launch(
        [one.replace(OPT_ML, str(opt_ml)) for one in argv], {**moved, "ISTHMUS_OPT_ML": str(opt_ml)}
    )


@functools.cache
def available() -> Kind:
    """The first way that works on this machine."""
    for kind in ("bwrap", "unshare"):
        if works(kind):
            return kind
    return "remap"


def works(kind: Kind) -> bool:
    """Whether a program started in this way really sees what was put into its `/opt/ml`."""
    return _tried(kind, offline=False)


@functools.cache
def _tried(kind: Kind, offline: bool) -> bool:
    if shutil.which(kind) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        opt_ml = Path(folder) / "ml"
        opt_ml.mkdir()
        (opt_ml / "seen").touch()
        argv, env = _launch(["test", "-e", f"{OPT_ML}/seen"], os.environ, opt_ml, kind, offline)
        run = subprocess.run(argv, env=env, capture_output=True, check=False, timeout=20)
        return run.returncode == 0


_UNSHARE = ("--user", "--map-root-user", "--mount")


def _tool(name: str) -> str:
    """Its full path: the program's own PATH need not have it."""
    return shutil.which(name) or name


@functools.cache
def _bwrap_root() -> list[str]:
    """The machine's own root, entry by entry, so that `/opt/ml` can be added without touching the disk."""
    arguments = ["--tmpfs", "/"]
    for path in sorted(Path("/").iterdir()):
        if path.name not in ("dev", "proc", "opt"):
            arguments += _bound(path)
    arguments += ["--dev-bind", "/dev", "/dev", "--ro-bind", "/proc", "/proc", "--dir", "/opt"]
    for path in sorted(Path("/opt").iterdir()) if Path("/opt").is_dir() else ():
        if path.name != "ml":
            arguments += _bound(path)
    return arguments


def _bound(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--bind-try", str(path), str(path)]
