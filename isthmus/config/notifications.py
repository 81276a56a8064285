"""notifications in platform.yaml: who is told that something waits for a person, or failed."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Email, Guid, Strict


class Slack(Strict):
    """A Slack channel, by Amazon Q Developer in chat applications; the workspace is authorized there once."""

    workspace_id: str = Field(pattern=r"^T[0-9A-Z]{8,10}$")
    channel_id: str = Field(pattern=r"^[CG][0-9A-Z]{8,10}$")


class Teams(Strict):
    """A Microsoft Teams channel, by Amazon Q Developer in chat applications."""

    team_id: Guid
    tenant_id: Guid
    channel_id: str = Field(min_length=1, max_length=256)


class Notifications(Strict):
    """Who is told that something waits for a person, or failed."""

    email: list[Email] = Field(default=[])
    slack: Slack | None = None
    teams: Teams | None = None
