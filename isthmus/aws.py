"""Sessions in AWS accounts: as the caller already is, or as a role that the caller assumes.

Endpoint URLs and credentials come from the environment, as botocore reads them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from isthmus.errors import Problem, Refused, Unavailable
from isthmus.names import role_arn

if TYPE_CHECKING:
    import boto3
    from botocore.loaders import Loader


@dataclass(frozen=True)
class Caller:
    """Whoever a session is, asked of AWS once."""

    session: boto3.Session
    region: str
    arn: str

    @property
    def name(self) -> str:
        """Who the caller is, so that CloudTrail and `approved by` show the person behind the role."""
        name = self.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        return "".join(char if char.isalnum() or char in "+=,.@-_" else "-" for char in name)[:64]

    def credentials(self, arn: str) -> dict[str, object]:
        """The `Credentials` of the role of that ARN, by assuming it; none where the caller already is that.

        Raises `Unavailable` without network, and `Refused` where the role may not be assumed.
        """
        account, role = arn.split(":")[4], arn.rsplit("/", 1)[-1]
        if self.arn.startswith(f"arn:aws:sts::{account}:assumed-role/{role}/"):
            return {}
        with _explained(f"act as {role} in account {account}"):
            sts = self.session.client("sts", region_name=self.region)
            answer = sts.assume_role(RoleArn=arn, RoleSessionName=self.name)
        return dict(answer["Credentials"])

    def client(self, service: str, credentials: Mapping[str, object]) -> Any:
        """A client with what `credentials` gave; with none, as the caller."""
        make: Any = self.session.client
        return make(service, region_name=self.region, **_as_arguments(credentials))


def caller(region: str, own: boto3.Session | None = None) -> Caller:
    """Who a session is, or else the environment.

    Raises `Unavailable` without credentials or network, and `Refused` where they are no good.
    """
    own = own or _session(region_name=region)
    with _explained("sign in"):
        identity = own.client("sts", region_name=region).get_caller_identity()
    return Caller(own, region, identity["Arn"])


def session(region: str, account: str, role: str) -> boto3.Session:
    """A session as `role` in `account`: the caller's own if it already is that role, else by assuming it.

    Raises `Unavailable` without credentials or network, and `Refused` where the role may not be assumed.
    """
    return assume(_session(region_name=region), role_arn(account, role), region)


def assume(own: boto3.Session, arn: str, region: str) -> boto3.Session:
    """A session as the role of that ARN; `own` if it already is that role. Raises as `session` does."""
    credentials = caller(region, own).credentials(arn)
    return from_credentials(credentials, region) if credentials else own


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise Refused(
            f"AWS does not let you {what}: {error.response['Error']['Message']}",
            todo="use credentials that may (`aws sts get-caller-identity` shows yours)",
        ) from None
    except BotoCoreError as error:
        raise no_answer(error) from None


def person(user: Mapping[str, Any]) -> str:
    """Who a SageMaker UserContext is: the Studio profile, else the role session's name."""
    arn: str = user.get("IamIdentity", {}).get("Arn", "")
    return str(user.get("UserProfileName") or arn.rsplit("/", 1)[-1])


# Sessions of jobs, functions and services; and an account itself.
_MACHINE = re.compile(
    r"arn:aws:iam::[0-9]{12}:root|azure-run-[0-9]+|isthmus|SageMaker|.*-(pipeline|build|deploy|synth|bridge)"
)


def is_machine(name: str) -> bool:
    """Whether the name that `person` gives is no person's: jobs, functions and services decide nothing."""
    return bool(_MACHINE.fullmatch(name))


def from_credentials(credentials: Mapping[str, object], region: str) -> boto3.Session:
    """A session from the `Credentials` of an STS answer."""
    return _session(region_name=region, **_as_arguments(credentials))


def _as_arguments(credentials: Mapping[str, object]) -> dict[str, str]:
    """As boto3 wants them; nothing of nothing."""
    if not credentials:
        return {}
    return {
        "aws_access_key_id": str(credentials["AccessKeyId"]),
        "aws_secret_access_key": str(credentials["SecretAccessKey"]),
        "aws_session_token": str(credentials["SessionToken"]),
    }


def _session(**given: str) -> boto3.Session:
    """A session like any other; but what botocore knows of each service is read once for all of them."""
    import boto3
    import botocore.session

    core = botocore.session.get_session()
    core.register_component("data_loader", _descriptions())
    return boto3.Session(botocore_session=core, **given)


@cache
def _descriptions() -> Loader:
    from botocore.loaders import create_loader

    return create_loader(os.environ.get("AWS_DATA_PATH"))


def explained(error: Exception) -> Problem:
    """A refusal of AWS in its own words, with the call that was refused; else that AWS did not answer."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return no_answer(error)
    said = error.response.get("Error", {})
    if not said.get("Message"):
        # AWS always says why; an emulator that lacks the service does not.
        return Unavailable(f"what answers for AWS knows no {error.operation_name} ({said.get('Code')})")
    return Refused(f"AWS refused {error.operation_name}: {said.get('Code')}: {said.get('Message')}")


def no_answer(error: Exception) -> Problem:
    """What a person should read when botocore could not reach AWS or had nothing to sign with."""
    return Unavailable(
        f"no answer from AWS: {error}",
        todo="sign in to AWS; or start `isthmus up`, whose variables `isthmus env` prints",
    )
