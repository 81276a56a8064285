"""A Python for the steps of one run: it sees what this one has, and what is installed stays in it.

Pipelines install what they like; without this, `pip install` of a step would change Isthmus itself.
"""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path

_PIP = "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_HEAD = 4096


def make_python(folder: Path) -> Path:
    """Make it in `folder`; gives the folder of its programs, for the front of PATH."""
    venv.EnvBuilder(symlinks=True).create(folder)
    programs = folder / "bin"
    python = programs / "python"
    seen = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    lines = [f"import site; site.addsitedir({path!r})" for path in seen]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "of-isthmus.pth").write_text("\n".join(lines) + "\n")
    for script in Path(sysconfig.get_path("scripts")).iterdir():
        _adopt(script, programs / script.name, python)
    for name in ("pip", "pip3"):
        _program(programs / name, f"#!{python}\n{_PIP}")
    return programs


def _adopt(script: Path, copy: Path, python: Path) -> None:
    """A program of this Python, started by the other one; what is none of its programs stays away."""
    if copy.exists() or not script.is_file():
        return
    with script.open("rb") as file:
        head = file.read(_HEAD)
    first, _, rest = head.partition(b"\n")
    if len(head) < _HEAD and first == b"#!" + sys.executable.encode():
        _program(copy, f"#!{python}\n{rest.decode(errors='replace')}")


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
