"""Where the bridge's HTTPS route is, as the automation account's stack has written it down."""

from __future__ import annotations

from isthmus import aws, names
from isthmus.config import Platform
from isthmus.errors import NotFound


def url(platform: Platform) -> str:
    """The URL, without a slash at its end.

    Raises `NotFound` where the stack does not stand, and what `aws.session` raises for who may not ask.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    account = platform.accounts.automation
    ssm = aws.session(platform.region, account, names.operator_role(platform)).client("ssm")
    name = names.callback_parameter(platform)
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"]).rstrip("/")
    except ssm.exceptions.ParameterNotFound:
        raise NotFound(
            f"the automation account has no parameter {name}: pipelines cannot be told where the bridge is",
            todo="isthmus infra deploy; or say it: --callback URL",
        ) from None
    except (ClientError, BotoCoreError) as error:
        raise aws.explained(error) from None
