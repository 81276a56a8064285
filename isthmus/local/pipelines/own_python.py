"""A Python for the steps of one job: what is installed stays in it.

Pipelines install what they like; without this, `pip install` of a step would change Isthmus itself. Those of
Isthmus' own repositories see what this Python has; those of anybody else see pip alone, as on an agent: what
they do not install is missed here and not first in Azure.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import venv
from importlib.metadata import Distribution
from pathlib import Path

from isthmus.local.pipelines.host import Repository, Sources

CONFIGS = ("model.yaml", "deploy.yaml", "platform.yaml")
_PIP = "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_HEAD = 4096


def sees_ours(sources: Sources) -> bool:
    """Whether the pipeline's repository is Isthmus' own: of a model, a deployment or the platform."""
    located = sources.locate(Repository("self"))
    return any(sources.read(located, config) is not None for config in CONFIGS)


def path_of_job(job: Path, *, seeing_ours: bool) -> str:
    """The PATH of a job's steps, by its folder; the first of them makes its Python, beside it."""
    folder = job.with_name(f"python-of-{job.name}")
    own = Path(sys.executable).parent
    around = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if seeing_ours:
        around.insert(0, str(own))
    elif sys.prefix != sys.base_prefix:
        around = [one for one in around if Path(one) != own]
    if not folder.exists():
        _make(folder, seeing_ours)
    return os.pathsep.join([str(folder / "bin"), *around])


def _make(folder: Path, seeing_ours: bool) -> None:
    pip = next(iter(Distribution.discover(name="pip")), None)
    venv.EnvBuilder(symlinks=True, with_pip=pip is None).create(folder)
    programs = folder / "bin"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    if pip is not None:
        for name in ("pip", "pip3"):
            _program(programs / name, f"#!{programs / 'python'}\n{_PIP}")
    if seeing_ours:
        _share(packages, programs)
    elif pip is not None:
        _link(pip, folder, packages)


def _link(pip: Distribution, folder: Path, packages: Path) -> None:
    """Let it see pip, from beside it: what lies within, a step's `pip install --upgrade pip` removes.

    Beside is where no path begins as the folder's own does: pip compares them as text.
    """
    beside = folder.with_name(f"pip-of-{folder.name}")
    beside.mkdir()
    for name in {file.parts[0] for file in pip.files or ()} - {".."}:
        (beside / name).symlink_to(str(pip.locate_file(name)))
    (packages / "pip.pth").write_text(f"{beside}\n")


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
