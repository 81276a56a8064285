"""CloudFormation's types of services that have no part on a laptop: they stand with their stack, and no more.

Chat channels of Amazon Q Developer tell people outside; nobody is outside here. Their properties have passed
cfn-lint, and the topic's messages can be read by any other subscriber.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]


def _channel_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    kind = "slack-channel" if "SlackChannelId" in properties else "microsoft-teams-channel"
    name = properties["ConfigurationName"]
    arn = f"arn:aws:chatbot::{get_account_id()}:chat-configuration/{kind}/{name}"
    return arn, {"Arn": arn}


def _channel_delete(_physical_id: str, _properties: Properties) -> None:
    pass


TYPES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    f"AWS::Chatbot::{kind}ChannelConfiguration": (_channel_create, _channel_delete, ("ConfigurationName",))
    for kind in ("Slack", "MicrosoftTeams")
}
