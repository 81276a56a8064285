"""How long AWS lets a pipeline's job be the role that it enters as: an hour, as long as the job may run.

A job of Azure Pipelines takes no longer where its YAML says nothing else. No role may be held for longer, and
none needs to be: while SageMaker trains, no job of an agent waits.
"""

from __future__ import annotations

HOUR = 3600
