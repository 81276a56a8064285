"""A Python for the steps of one run: what is installed stays in it.

Pipelines install what they like; without this, `pip install` of a step would change Isthmus itself. Those of
Isthmus' own repositories see what this Python has; those of anybody else see pip alone, as on an agent: what
they do not install is missed here and not first in Azure.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import venv
from importlib.metadata import Distribution
from pathlib import Path

_PIP = "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_HEAD = 4096


def make_python(folder: Path, *, seeing_ours: bool) -> str:
    """Make it in `folder`; gives the PATH of steps."""
    pip = next(iter(Distribution.discover(name="pip")), None)
    venv.EnvBuilder(symlinks=True, with_pip=pip is None).create(folder)
    programs = folder / "bin"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    if pip is not None:
        for name in ("pip", "pip3"):
            _program(programs / name, f"#!{programs / 'python'}\n{_PIP}")
    own = Path(sys.executable).parent
    around = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if seeing_ours:
        _share(packages, programs)
        around.insert(0, str(own))
    else:
        if pip is not None:
            _copy(pip, packages)
        if sys.prefix != sys.base_prefix:
            around = [one for one in around if Path(one) != own]
    return os.pathsep.join([str(programs), *around])


def _copy(pip: Distribution, packages: Path) -> None:
    for file in pip.files or ():
        if ".." not in file.parts:
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), packages / file)


def _share(packages: Path, programs: Path) -> None:
    """Let it see the packages and the programs of this Python."""
    seen = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    lines = [f"import site; site.addsitedir({path!r})" for path in seen]
    (packages / "of-isthmus.pth").write_text("\n".join(lines) + "\n")
    for script in Path(sysconfig.get_path("scripts")).iterdir():
        _adopt(script, programs / script.name, programs / "python")


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
