"""An account's network: a VPC of ours, or one that stands already; and what it is found by.

What is made later attaches to it by Parameter Store (`isthmus.network`), what stands in the same stack by
what `network` returns.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from cdk.parts.keys import Keys
from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.network import Attachment


@dataclass(frozen=True)
class Network(Attachment):
    """What stands in the same stack attaches by: references, or the ids of what stood before."""

    vpc: str


def network(scope: Construct, platform: Platform, account: AccountRole, keys: Keys) -> Network | None:
    """The account's network, written down; None where the platform has none."""
    if platform.network.mode == "none":
        return None
    inside = Construct(scope, "Network")
    found = _existing(inside, platform, account) or _managed(inside, platform, account, keys)
    _write_down(inside, platform, found)
    return found


def _existing(scope: Construct, platform: Platform, account: AccountRole) -> Network | None:
    from cdk.parts.security_groups import workloads

    if platform.network.vpcs is None:
        return None
    given = getattr(platform.network.vpcs, account)
    return Network(tuple(given.subnet_ids), workloads(scope, platform, given.vpc_id), given.vpc_id)


def _managed(scope: Construct, platform: Platform, account: AccountRole, keys: Keys) -> Network:
    from cdk.parts.security_groups import workloads
    from cdk.parts.vpc import managed_vpc
    from cdk.parts.vpc_endpoints import vpc_endpoints

    keys.logs.allow_logs(names.flow_logs(platform))
    made = managed_vpc(scope, platform, account, log_key=keys.logs.arn)
    group = workloads(scope, platform, made.id)
    vpc_endpoints(scope, platform, account, made, clients=group)
    return Network(tuple(made.subnets), group, made.id)


def _write_down(scope: Construct, platform: Platform, found: Network) -> None:
    from isthmus.resource_types import aws_ssm

    subnets = {f"subnet-{number}": subnet for number, subnet in enumerate(found.subnets, 1)}
    for noun, value in {"vpc": found.vpc, "security-group": found.security_group, **subnets}.items():
        aws_ssm.CfnParameter(
            scope,
            f"Parameter-{noun}",
            type="String",
            name=names.network_parameter(platform, noun),
            value=value,
            description="What runs in this account is attached to it",
        )
