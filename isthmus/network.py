"""An account's network as other stacks and jobs find it: subnets and a security group, by Parameter Store.

`cdk/parts/network.py` writes it down; who attaches to it reads it when it is deployed or run, so nothing is
looked up while templates and pipeline definitions are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.errors import BadInput

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Attachment:
    """What a job, a model or a function is attached by; ids, or what stands for them."""

    subnets: tuple[str, ...]
    security_group: str

    def vpc_config(self) -> dict[str, list[str]]:
        """The VpcConfig of SageMaker's jobs and models."""
        return {"SecurityGroupIds": [self.security_group], "Subnets": list(self.subnets)}

    def in_template(self) -> dict[str, list[str]]:
        """The same as CDK spells it."""
        return {"subnets": list(self.subnets), "securityGroupIds": [self.security_group]}


def parameters(platform: Platform, account: AccountRole) -> Attachment | None:
    """The names of the parameters that hold the account's ids; None where the platform has no network."""
    count = platform.network.subnet_count(account)
    if not count:
        return None
    return Attachment(
        subnets=tuple(names.network_parameter(platform, f"subnet-{n}") for n in range(1, count + 1)),
        security_group=names.network_parameter(platform, "security-group"),
    )


def references(platform: Platform, account: AccountRole) -> Attachment | None:
    """The same as dynamic references, which CloudFormation resolves when it deploys a template."""
    found = parameters(platform, account)
    if found is None:
        return None
    return Attachment(tuple(_resolve(name) for name in found.subnets), _resolve(found.security_group))


def read(session: boto3.Session, platform: Platform, account: AccountRole) -> Attachment | None:
    """The ids themselves, with a session in that account; raises `BadInput` where they are not there yet."""
    wanted = parameters(platform, account)
    if wanted is None:
        return None
    answer = session.client("ssm").get_parameters(Names=[*wanted.subnets, wanted.security_group])
    if missing := answer["InvalidParameters"]:
        raise BadInput(
            f"the {account} account has no parameter {missing[0]}",
            where="platform.yaml, network",
            todo="deploy the account's stack first",
        )
    values = {one["Name"]: one["Value"] for one in answer["Parameters"]}
    return Attachment(tuple(values[name] for name in wanted.subnets), values[wanted.security_group])


def _resolve(parameter: str) -> str:
    return f"{{{{resolve:ssm:{parameter}}}}}"
