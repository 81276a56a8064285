"""The stack of one model at one stage: model, endpoint configuration, endpoint, alarms, scheduled monitor.

Names of what cannot be changed in place are made of all of its content, so the same version makes the same
template, and any change makes a new resource beside the old one. How each is made is in `parts/`.
"""

from __future__ import annotations

from aws_cdk import BootstraplessSynthesizer, Environment, Stack
from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.alarm import make_alarms, make_rollback_alarms
from isthmus.deploy.parts.capture import captures_uri
from isthmus.deploy.parts.endpoint import make_endpoint, make_endpoint_config
from isthmus.deploy.parts.model import make_model
from isthmus.deploy.parts.monitor import make_monitor


class EndpointStack(Stack):
    """Deployed by the stage's deploy role, made by its CloudFormation role; it needs no asset."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        platform, model = deployment.platform, deployment.model
        super().__init__(
            scope,
            names.endpoint_stack(platform, model, deployment.stage),
            description=f"{model} in {deployment.stage}",
            env=Environment(account=deployment.account, region=deployment.region),
            # Not CDK's bootstrap roles: these two may change this one stack and what it makes, nothing else.
            synthesizer=BootstraplessSynthesizer(
                deploy_role_arn=deployment.role(names.deploy_role(platform, model)),
                cloud_formation_execution_role_arn=deployment.role(
                    names.cloudformation_role(platform, model)
                ),
            ),
            tags=names.tags(platform, deployment.stage, platform.model(model)),
        )
        config = make_endpoint_config(self, deployment, make_model(self, deployment))
        guards = make_rollback_alarms(self, deployment, config.endpoint_config_name or "")
        make_endpoint(self, deployment, config, guards)
        make_alarms(self, deployment)
        make_monitor(self, deployment, captures_uri(deployment, config.endpoint_config_name or ""))
