"""The platform's accounts as an operator sees them: clients that read, and who the caller is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.config import Platform

if TYPE_CHECKING:
    import boto3


class Accounts:
    """Sessions in the accounts (dev, automation, staging, prod), each assumed once."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._session = cache(self._assume)

    def client(self, account: str, service: str) -> Any:
        """A client that reads as the operator; raises `Refused` where the caller may not be that."""
        session: Any = self._session(account, names.operator_role(self.platform))
        return session.client(service)

    def approver(self) -> tuple[Any, str]:
        """SageMaker as the approver in the registry's account, and the name of the person behind it."""
        session: Any = self._session("automation", names.approver_role(self.platform))
        arn: str = session.client("sts").get_caller_identity()["Arn"]
        return session.client("sagemaker"), arn.rsplit("/", 1)[-1]

    def _assume(self, account: str, role: str) -> boto3.Session:
        from isthmus import aws

        return aws.session(self.platform.region, getattr(self.platform.accounts, account), role)
