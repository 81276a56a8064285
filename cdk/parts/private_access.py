"""The way into a VPC of ours to its private API: an interface endpoint, and who may reach it.

In a VPC that stood before, this is its owner's to make; the API's own policy lets calls from either in.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Principal, allow_principal, document
from cdk.parts.network import Network
from cdk.parts.security_groups import TLS
from isthmus.config import Api, Platform, Stage
from isthmus.resource_types import aws_ec2


def private_access(
    scope: Construct, platform: Platform, stage: Stage, api: Api, network: Network, api_id: str
) -> None:
    """Let the VPC itself, and the networks joined to it, call the API; nothing else goes through here.

    Whoever calls has a token and is nobody to AWS, so the endpoint's policy names the API and no principal.
    """
    stack = Stack.of(scope)
    blocks = [str(getattr(platform.network.cidrs, stage)), *(str(one) for one in api.callers)]
    group = aws_ec2.CfnSecurityGroup(
        scope,
        "Callers",
        group_description="Callers of the private API",
        vpc_id=network.vpc,
        security_group_ingress=[TLS | {"cidrIp": one, "description": "TLS from callers"} for one in blocks],
        # Without any rule AWS would let everything out.
        security_group_egress=[TLS | {"cidrIp": blocks[0], "description": "TLS to callers"}],
    )
    anyone: Principal = ({"AWS": "*"}, {})
    route = f"arn:aws:execute-api:{stack.region}:{stack.account}:{api_id}/*"
    aws_ec2.CfnVPCEndpoint(
        scope,
        "WayIn",
        vpc_endpoint_type="Interface",
        service_name=f"com.amazonaws.{platform.region}.execute-api",
        vpc_id=network.vpc,
        subnet_ids=list(network.subnets),
        security_group_ids=[group.attr_group_id],
        private_dns_enabled=True,
        policy_document=document(allow_principal(anyone, "execute-api:Invoke", route)),
    )
