"""Where the bridge's HTTPS route is, as the automation account's stack has written it down."""

from __future__ import annotations

from isthmus import aws, names
from isthmus.config import Platform
from isthmus.errors import NotFound, Problem


def url(platform: Platform) -> str:
    """The URL, without a slash at its end.

    Raises `NotFound` where the stack does not stand, and a `Problem` for who may not ask the account.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    role, name = names.operator_role(platform), names.callback_parameter(platform)
    try:
        ssm = aws.session(platform.region, platform.accounts.automation, role).client("ssm")
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"]).rstrip("/")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            raise NotFound(
                f"the automation account has no parameter {name}: pipelines cannot be told where the bridge "
                "is",
                todo="isthmus infra deploy; or say it: --callback URL",
            ) from None
        raise _unasked(platform, aws.explained(error)) from None
    except BotoCoreError as error:
        raise _unasked(platform, aws.explained(error)) from None
    except Problem as problem:
        raise _unasked(platform, problem) from None


def _unasked(platform: Platform, problem: Problem) -> Problem:
    """Why AWS is asked at all, for whoever only thought of Azure DevOps."""
    role, account = names.operator_role(platform), platform.accounts.automation
    return type(problem)(
        "pipelines are to be told where the bridge is, and that the automation account says: " + problem.what,
        todo=f"sign in to AWS as somebody who may take {role} in {account}; or say it: --callback URL, which "
        f"is the value of the parameter {names.callback_parameter(platform)} there",
    )
