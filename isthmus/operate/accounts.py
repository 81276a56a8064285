"""The platform's accounts as an operator sees them: clients that read, and who the caller is."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

from isthmus import names
from isthmus.aws import Caller, caller
from isthmus.config import Platform


class Accounts:
    """Clients in the accounts (dev, automation, staging, prod); each account's role is assumed once.

    `role` is who reads, and else the operator does.
    """

    def __init__(self, platform: Platform, role: str = "") -> None:
        self.platform = platform
        self._role = role or names.operator_role(platform)
        self.client = cache(self._client)
        self._credentials = cache(self._assume)

    def approver(self) -> tuple[Any, str]:
        """SageMaker as the approver in the registry's account, and the name of the person behind it."""
        return self.as_approver("sagemaker"), self.person

    @property
    def person(self) -> str:
        """The name of the person who calls."""
        return self._caller.name

    def as_approver(self, service: str) -> Any:
        """A client as the approver in the automation account."""
        credentials = self._credentials("automation", names.approver_role(self.platform))
        return self._caller.client(service, credentials)

    @cached_property
    def _caller(self) -> Caller:
        return caller(self.platform.region)

    def _client(self, account: str, service: str) -> Any:
        """A client that reads as the operator; raises `Refused` where the caller may not be that."""
        credentials = self._credentials(account, self._role)
        return self._caller.client(service, credentials)

    def _assume(self, account: str, role: str) -> dict[str, object]:
        return self._caller.credentials(names.role_arn(getattr(self.platform.accounts, account), role))
