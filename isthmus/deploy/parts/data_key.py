"""The account's key for data as an ARN, read by CloudFormation when it deploys: a disk takes no alias."""

from __future__ import annotations

from aws_cdk import CfnParameter
from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment

ID = "DataKey"


def data_key(scope: Construct, deployment: Deployment) -> str:
    """The template's parameter for it, which is made once."""
    found = scope.node.try_find_child(ID)
    if isinstance(found, CfnParameter):
        return found.value_as_string
    return CfnParameter(
        scope,
        ID,
        type="AWS::SSM::Parameter::Value<String>",
        default=names.data_key_parameter(deployment.platform),
    ).value_as_string
