"""The stack of one model at one stage: the model, what serves it, alarms, scheduled monitor.

Names of what cannot be changed in place are made of all of its content, so the same version makes the same
template, and any change makes a new resource beside the old one. How each is made is in `parts/`.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import BootstraplessSynthesizer, Environment, Stack
from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.alarm import make_alarms, make_rollback_alarms
from isthmus.deploy.parts.capture import captures_uri
from isthmus.deploy.parts.endpoint import ENDPOINT, make_endpoint, make_endpoint_config
from isthmus.deploy.parts.model import make_champion, make_model
from isthmus.deploy.parts.monitor import make_monitor
from isthmus.deploy.parts.queue import make_topics
from isthmus.resource_types import aws_sagemaker as sagemaker


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
        captures = self._serve(deployment, make_model(self, deployment))
        make_alarms(self, deployment)
        if deployment.registered:
            from isthmus.deploy.parts.model_monitor import make_schedules

            endpoint = cast("sagemaker.CfnEndpoint", self.node.find_child(ENDPOINT))
            make_schedules(self, deployment, deployment.registered, endpoint)
        elif deployment.config.watched:
            make_monitor(self, deployment.in_charge, captures)

    def _serve(self, deployment: Deployment, model: sagemaker.CfnModel) -> str:
        """Make what serves, of the kind that is asked for; returns where what it is asked is written down.

        Empty where nothing is.
        """
        if deployment.kind == "batch":
            from isthmus.deploy.parts import batch

            batch.make_batch(self, deployment, model)
            return batch.captures_uri(deployment, model.model_name or "")
        if deployment.kind == "shared":
            from isthmus.deploy.parts.component import make_component

            component = make_component(
                self, deployment, model, make_rollback_alarms(self, deployment, model.model_name or "")
            )
            if deployment.part.scaling:
                from isthmus.deploy.parts.scaling import make_copy_scaling

                make_copy_scaling(self, deployment, component, deployment.part.scaling)
            return ""
        champion = make_champion(self, deployment) if deployment.compared else None
        config = make_endpoint_config(self, deployment, model, champion)
        if deployment.kind == "async":
            for topic in make_topics(self, deployment):
                config.add_resource_dependency(topic)
        guards = make_rollback_alarms(self, deployment, config.endpoint_config_name or "")
        endpoint = make_endpoint(self, deployment, config, guards)
        if deployment.scaling:
            from isthmus.deploy.parts.scaling import make_scaling

            make_scaling(self, deployment, endpoint, deployment.scaling)
        return captures_uri(deployment, config.endpoint_config_name or "")
