"""CDK entry: platform.yaml in, one stack per AWS account out.

`cdk synth` and `isthmus infra synth` run it. `CDK_OUTDIR` says where the assembly goes.
"""

from isthmus.config import read_platform
from isthmus.infra.node import use_node

use_node()

from cdk.accounts import application  # noqa: E402 (Node comes first)

application(read_platform(complete=False)).synth()
