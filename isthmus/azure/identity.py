"""The way into AWS: a job's ID token for a role, and proof that the role is what was meant.

The token comes from `AzureCLI@2` with `addSpnToEnvironment: true`, which puts it into `idToken`. A command
gets the role's credentials in its environment, and no others.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from isthmus import names, sessions
from isthmus.azure.targets import AUDIT, OF_ACCOUNT, OF_MODEL, TARGETS
from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Refused

# From where else botocore would take credentials, if it were let.
_OTHER_CREDENTIALS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
)
_TOKEN_VARIABLES = ("idToken", "IDTOKEN", "servicePrincipalKey")


@dataclass(frozen=True)
class Target:
    """A role, the service connection whose token opens it, and for how many seconds."""

    account: str
    role: str
    connection: str
    seconds: int = sessions.HOUR

    @property
    def arn(self) -> str:
        return names.role_arn(self.account, self.role)


def target(platform: Platform, name: str, model: str | None = None) -> Target:
    """What a name of `TARGETS` stands for: a model's role, or one of the infrastructure pipeline's.

    Raises `BadInput` for a model that is missing or too many, and for an account that is not there.
    """
    if name in OF_ACCOUNT:
        if model is not None:
            raise BadInput(f"{name} belongs to an account and not to a model", todo="leave out --model")
        return _of_account(platform, *name.split("-"))
    if name == AUDIT:
        role, connection = names.audit_role(platform), names.audit_connection(platform)
        return Target(platform.accounts.automation, role, connection)
    if name not in OF_MODEL:
        raise BadInput(f"{name!r} is not a role to enter", todo=f"one of: {', '.join(TARGETS)}")
    if model is None:
        raise BadInput(f"{name} is the role of a model", todo="say which: --model NAME")
    return _of_model(platform, name, platform.model(model).name)


def _of_account(platform: Platform, kind: str, account: str) -> Target:
    number: str | None = getattr(platform.accounts, account)
    if number is None:
        raise BadInput(f"there is no {account} account", where="platform.yaml, accounts")
    if kind == "drift":
        return Target(number, names.drift_role(platform), names.drift_connection(platform, account))
    role, connection = names.infrastructure_role(platform), names.infrastructure_connection(platform, account)
    return Target(number, role, connection)


def _of_model(platform: Platform, name: str, model: str) -> Target:
    automation = platform.accounts.automation
    if name == "build":
        role, connection = names.build_role(platform, model), names.build_connection(platform, model)
        return Target(automation, role, connection)
    if name == "synth":
        return Target(automation, names.synth_role(platform, model), names.synth_connection(platform, model))
    stage = name.removeprefix("deploy-")
    account: str = getattr(platform.accounts, stage)
    return Target(
        account, names.deploy_role(platform, model), names.deploy_connection(platform, model, stage)
    )


def credentials(platform: Platform, wanted: Target, token: str) -> dict[str, str]:
    """Exchange the token for the role's credentials, and check with AWS who they are.

    Raises `Refused`, saying which role was asked for and what the token carried; never the token itself.
    """
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from isthmus.aws import from_credentials, no_answer

    claims = _claims(token)
    _refuse_expired(claims, wanted)
    try:
        sts = boto3.client("sts", region_name=platform.region, config=Config(signature_version=UNSIGNED))
        answer = sts.assume_role_with_web_identity(
            RoleArn=wanted.arn,
            RoleSessionName=_session_name(),
            WebIdentityToken=token,
            DurationSeconds=wanted.seconds,
        )
        session = from_credentials(answer["Credentials"], platform.region)
        arn = session.client("sts").get_caller_identity()["Arn"]
    except ClientError as error:
        raise _explained(error.response["Error"], claims, wanted, platform) from None
    except BotoCoreError as error:
        raise no_answer(error) from None
    if not arn.startswith(f"arn:aws:sts::{wanted.account}:assumed-role/{wanted.role}/"):
        raise Refused(f"AWS says that these credentials are {arn}, not {wanted.arn}: they are not used")
    return {
        "AWS_ACCESS_KEY_ID": answer["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer["Credentials"]["SessionToken"],
        "AWS_REGION": platform.region,
        "AWS_DEFAULT_REGION": platform.region,
    }


def token_of(environment: Mapping[str, str]) -> str:
    """The ID token of the job; raises `Refused` when the step has none."""
    token = environment.get("idToken") or environment.get("IDTOKEN") or ""
    if not token:
        raise Refused(
            "there is no ID token: the variable idToken is not in the environment",
            todo="run this in a step AzureCLI@2 with addSpnToEnvironment: true, on a connection with "
            "workload identity federation",
        )
    return token


def forget_other_credentials(environment: MutableMapping[str, str]) -> None:
    """Take away every other source that botocore would find in the environment."""
    for name in _OTHER_CREDENTIALS:
        environment.pop(name, None)
    environment["AWS_EC2_METADATA_DISABLED"] = "true"


def become(command: Sequence[str], given: Mapping[str, str]) -> NoReturn:
    """Run the command in place of this process, with these credentials and no others."""
    env = {key: value for key, value in os.environ.items() if key not in _TOKEN_VARIABLES} | dict(given)
    forget_other_credentials(env)
    try:
        os.execvpe(command[0], list(command), env)  # noqa: S606
    except FileNotFoundError:
        raise NotFound(f"there is no command {command[0]!r}", where="PATH") from None
    except OSError as error:
        raise BadInput(f"{command[0]!r} cannot be run: {error.strerror}") from None


def _claims(token: str) -> dict[str, Any]:
    """What the token says, for messages: whether it is true is for AWS to judge."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise Refused(
            "idToken is not a token: it does not have three parts, or they cannot be read",
            todo="pass $env:idToken of AzureCLI@2 on as it is",
        )
    return found


def _refuse_expired(claims: Mapping[str, Any], wanted: Target) -> None:
    expiry = claims.get("exp")
    if isinstance(expiry, int | float) and expiry < time.time():
        raise Refused(
            f"the ID token expired {time.time() - expiry:.0f} s ago; it was to open {wanted.arn}",
            todo="assume the role in the first seconds of the step: a token lives for ten minutes",
        )


def _explained(
    error: Mapping[str, Any], claims: Mapping[str, Any], wanted: Target, platform: Platform
) -> Refused:
    """AWS's refusal, with what the token carried beside what the role's trust asks for."""
    expected = _expected(claims, wanted, platform)
    lines = [
        f"{key}: {claims.get(key)!r}" + ("" if claims.get(key) == value else f", but {value!r} is expected")
        for key, value in expected.items()
    ]
    foreign = any(claims.get(key) != value for key, value in expected.items())
    todo = f"use the service connection {wanted.connection!r} in azureSubscription"
    if not foreign:
        todo = "see that the account's stack is deployed, with this issuer as its identity provider"
    return Refused(
        f"AWS does not let this job be {wanted.arn}: {error.get('Code')}: {error.get('Message')}\n"
        "  the token says " + "; ".join(lines),
        where=f"account {wanted.account}",
        todo=todo,
    )


def _expected(claims: Mapping[str, Any], wanted: Target, platform: Platform) -> dict[str, str]:
    """What the role's trust asks of a token of this issuer; where it trusts none such, of Azure DevOps'."""
    subjects = names.connection_subjects(platform, wanted.connection)
    issuer = claims.get("iss")
    if issuer not in subjects:
        issuer = platform.azure.token_issuer
    return {"sub": subjects[issuer], "aud": platform.azure.audience, "iss": issuer}


def _session_name() -> str:
    """The run, so that CloudTrail leads back to it."""
    number = os.environ.get("BUILD_BUILDID", "")
    return f"azure-run-{number}" if number.isdecimal() else "isthmus"
