"""How long AWS lets a pipeline's job be the role that it enters as: as long as the job may run.

The role allows it (`MaxSessionDuration`) and the job asks for it (`DurationSeconds`): a job of Azure
Pipelines takes an hour at the most where its YAML says nothing else, and that is what AWS gives unasked.
"""

from __future__ import annotations

HOUR = 3600
# The build's job follows its training for 350 minutes at the most.
BUILD = 6 * HOUR
