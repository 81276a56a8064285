"""Sessions by role ARN, each assumed once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from isthmus import names
from isthmus.aws import assume
from isthmus.config import AccountRole, Platform

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
                self._assumed[role] = assume(self._own, role, self._region)
            return self._assumed[role]

    def lookup(self, platform: Platform, account: AccountRole) -> boto3.Session:
        """A session as the account's lookup role of the bootstrap, which reads stacks and roles.

        Raises as `session` does.
        """
        number: str = getattr(platform.accounts, account)
        return self.session(names.role_arn(number, names.bootstrap_role(number, platform.region, "lookup")))
