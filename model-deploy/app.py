"""CDK entry of the deploy repository; `isthmus deploy synth` runs it with the package's description.

Add to the stacks here what only this model needs.
"""

import sys
from pathlib import Path

from isthmus.config import read_deploy, read_platform
from isthmus.deploy.app import application

application(read_platform(), read_deploy(), Path(sys.argv[1])).synth()
