"""The rest of AWS as SageMaker needs it: who calls, what they may, and where objects, events and logs go.

A seam: `here.py` is the local AWS behind it, tests may put another behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from isthmus.executor.objects import ObjectStore
from isthmus.executor.record import Record


@dataclass(frozen=True)
class Caller:
    """Who makes a call: a principal of an account, in a region; `secret` and `token` where it can sign."""

    account: str
    region: str
    arn: str
    access_key: str
    secret: str = ""
    token: str = ""
    principal_id: str = ""

    def user_context(self) -> Record:
        """What CreatedBy and LastModifiedBy say."""
        identity = {"Arn": self.arn}
        if self.principal_id:
            identity["PrincipalId"] = self.principal_id
        return {"IamIdentity": identity}

    def environment(self) -> dict[str, str]:
        """The variables with which a process acts as this principal."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


@dataclass(frozen=True)
class Network:
    """Ids of an account's subnets and security groups, each with the VPC that it is in."""

    subnets: Mapping[str, str]
    security_groups: Mapping[str, str]


class Cloud(Protocol):
    def authorize(
        self,
        caller: Caller,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        policy: str | None = None,
    ) -> None:
        """Raise AccessDeniedException unless the caller may do `action` on `resource`.

        `policy` is the resource's own; across accounts it must allow the caller as well.
        """

    def assume(self, role_arn: str, region: str, session: str, identity: str = "") -> Caller:
        """Act as an execution role, for a person where `identity` says who (STS's source identity).

        Raises a ValidationException where SageMaker may not assume it.
        """

    def await_answering(self) -> None:
        """Return when AWS can be called: while the server starts, it cannot."""

    def objects(self, caller: Caller) -> ObjectStore:
        """S3 as that principal."""

    def require_image(self, caller: Caller, image: str) -> None:
        """Raise `StoreError` unless the principal may pull that ECR image and it exists."""

    def lend_key(self, caller: Caller, key: str) -> None:
        """Let EC2 use a KMS key for a disk; raises AccessDeniedException where the principal may not."""

    def network(self, account: str, region: str) -> Network:
        """The subnets and security groups of an account."""

    def emit(
        self, account: str, region: str, detail_type: str, resources: Sequence[str], detail: Record
    ) -> None:
        """Put an aws.sagemaker event on the account's default bus."""

    def log(self, caller: Caller, group: str, stream: str, lines: Sequence[str]) -> None:
        """Write lines to CloudWatch Logs, where that principal may."""

    def publish(self, caller: Caller, topic: str, message: str) -> None:
        """Publish to SNS as that principal; raises `ApiError` where it may not."""

    def scaled(self, account: str, region: str) -> set[str]:
        """What scales automatically in an account, as `endpoint/<name>/variant/<name>`."""

    def alarm_state(self, account: str, region: str, name: str) -> str | None:
        """OK, ALARM, INSUFFICIENT_DATA, or None where there is no such alarm."""

    def look_at_alarm(self, account: str, region: str, name: str) -> str | None:
        """The same, after the alarm has looked at its metric; the state's lock must not be held."""

    def measure(
        self,
        account: str,
        region: str,
        namespace: str,
        dimensions: Mapping[str, str],
        values: Mapping[str, float],
    ) -> None:
        """Put one CloudWatch datum per name."""
