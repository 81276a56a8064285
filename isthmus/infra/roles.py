"""Sessions by role ARN, each assumed once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


class Roles:
    """The caller's session, and those of the roles that it may assume, in one region."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        self._own = session
        self._region = region
        self._assumed: dict[str, boto3.Session] = {}
        self._lock = threading.Lock()

    @classmethod
    def here(cls, region: str) -> Roles:
        """Those of whoever the environment says that we are."""
        import boto3

        return cls(boto3.Session(), region)

    def session(self, role: str | None) -> boto3.Session:
        """A session as the role of that ARN; the caller's own for None, or if it already is that role.

        Raises `Refused` where the role may not be assumed, `Unavailable` without credentials or network.
        """
        if role is None:
            return self._own
        with self._lock:
            if role not in self._assumed:
                self._assumed[role] = self._assume(role)
            return self._assumed[role]

    def _assume(self, role: str) -> boto3.Session:
        from botocore.exceptions import BotoCoreError, ClientError

        from isthmus.aws import from_credentials, no_answer
        from isthmus.errors import Refused

        account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
        sts = self._own.client("sts", region_name=self._region)
        own = "the caller"
        try:
            own = sts.get_caller_identity()["Arn"]
            if own.startswith(f"arn:aws:sts::{account}:assumed-role/{name}/"):
                return self._own
            answer = sts.assume_role(RoleArn=role, RoleSessionName="isthmus")
        except ClientError as error:
            raise Refused(
                f"{own} may not assume {role}: {error.response['Error']['Message']}",
                todo="deploy as someone who may, or bootstrap the account: isthmus account bootstrap",
            ) from None
        except BotoCoreError as error:
            raise no_answer(error) from None
        return from_credentials(answer["Credentials"], self._region)
