"""The tag that says whose something is: `TEAM` stands for the team that the calling role is tagged with."""

from __future__ import annotations

from cdk.parts.grants import Conditions

TEAM = "${aws:PrincipalTag/team}"
"""In a policy: the team that the calling role is tagged with."""

OWN: Conditions = {"StringEquals": {"aws:ResourceTag/team": TEAM}}
"""A resource is tagged as the team's."""

NEW: Conditions = {"StringEquals": {"aws:RequestTag/team": TEAM}}
"""A request makes something that is tagged as the team's."""

NOT_ANOTHERS: Conditions = {"StringEqualsIfExists": {"aws:ResourceTag/team": TEAM}}
"""A resource is not tagged as another team's: what is being made has no tags yet."""

BORN_WITH: Conditions = {"Null": {"sagemaker:TaggingAction": "false"}}
"""Tags come with what is made: else anybody could make another team's things her own by their tag."""
