"""The endpoints of a serving account that models share, each by an inference component of its own.

They stand before any model is there, and in a stack of their own: what a model's deployment may change is the
model's stack alone, and a change of machines touches no model's.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from aws_cdk import CfnParameter
from constructs import Construct

from cdk.parts.attachment import attach
from cdk.parts.grants import allow, log_arns, make_role, service
from cdk.parts.hosting import WRITE_LOGS
from cdk.parts.stack import AccountStack
from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.config.shared import Machines, SharedEndpoint
from isthmus.network import references
from isthmus.resource_types import aws_sagemaker as sagemaker


class SharedEndpointStack(AccountStack):
    """All of a stage's; their role does nothing for a model, whose own one fetches and logs."""

    def __init__(self, scope: Construct, platform: Platform, stage: Stage) -> None:
        super().__init__(
            scope,
            platform,
            stage,
            f"{platform.name}: endpoints that models share, {stage}",
            name=names.shared_endpoint_stack(platform, stage),
        )
        self._network = references(platform, stage)
        role = self._role(platform)
        key = CfnParameter(
            self,
            "DataKey",
            type="AWS::SSM::Parameter::Value<String>",
            default=names.data_key_parameter(platform),
        ).value_as_string
        for shared in platform.shared_endpoints:
            self._endpoint(shared, getattr(shared, stage), role, key)

    def _role(self, platform: Platform) -> str:
        role = make_role(
            self,
            "Role",
            names.shared_endpoint_role(platform),
            trust=service("sagemaker.amazonaws.com", self.account_id),
            description="Endpoints that models share",
            statements=[
                allow(WRITE_LOGS, log_arns(self, names.component_log("*"))),
                # AWS asks it of "your execution role" where alarms turn an update back.
                allow(
                    "cloudwatch:DescribeAlarms",
                    f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:"
                    + names.rollback_alarm(platform, names.by_content("*"), "*"),
                ),
                *(attach(self, self._network) if self._network else ()),
            ],
        )
        return role.attr_arn

    def _endpoint(self, shared: SharedEndpoint, machines: Machines, role: str, key: str) -> None:
        name = names.shared_endpoint(shared.name)
        variant = _variant(machines)
        content = {"variant": variant, "network": str(self._network)}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        config = sagemaker.CfnEndpointConfig(
            self,
            f"{shared.name}-config",
            # It cannot be changed in place: another content is another configuration.
            endpoint_config_name=names.by_content(name, digest),
            execution_role_arn=role,
            kms_key_id=key,
            # A model answers requests and calls nobody.
            enable_network_isolation=True,
            vpc_config=self._network.in_template() if self._network else None,
            production_variants=[variant],
        )
        sagemaker.CfnEndpoint(
            self, shared.name, endpoint_name=name, endpoint_config_name=config.attr_endpoint_config_name
        )


def _variant(machines: Machines) -> dict[str, Any]:
    """Instances without a model: components come onto them."""
    found: dict[str, Any] = {
        "variantName": names.VARIANT,
        "instanceType": machines.instance_type,
        "initialInstanceCount": machines.instance_count,
        "routingConfig": {"routingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    if machines.max_instances:
        found["managedInstanceScaling"] = {
            "status": "ENABLED",
            "minInstanceCount": machines.instance_count,
            "maxInstanceCount": machines.max_instances,
        }
    return found
