"""The name of everything that Isthmus makes, derived from platform.yaml and never from a clock.

The stacks give these names and the commands look for them, so each is written once: in the file of its
noun, to be had from here alone (`names.artifact_bucket(platform)`).
"""

from __future__ import annotations

from isthmus.config.stages import PLATFORM_REPOSITORY as PLATFORM_REPOSITORY
from isthmus.names._alarms import *
from isthmus.names._bootstrap import *
from isthmus.names._buckets import *
from isthmus.names._connections import *
from isthmus.names._endpoints import *
from isthmus.names._events import *
from isthmus.names._logs import *
from isthmus.names._models import *
from isthmus.names._parameters import *
from isthmus.names._pipelines import *
from isthmus.names._roles import *
from isthmus.names._stacks import *
from isthmus.names._versions import *
