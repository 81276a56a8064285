"""The tag that says which platform something is of: every stack gives it to all that it makes."""

from __future__ import annotations

from cdk.parts.grants import Conditions
from isthmus.config import Platform


def of_platform(platform: Platform) -> Conditions:
    """The condition that a resource is tagged as the platform's; a version has the tags of its group."""
    return {"StringEquals": {"aws:ResourceTag/platform": platform.name}}
