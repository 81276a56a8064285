"""The model of SageMaker: the version's container and artifact, its role, and the network that it is in."""

from __future__ import annotations

from dataclasses import asdict

from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.kept import keep_when_removed, keep_when_replaced
from isthmus.resource_types import aws_sagemaker as sagemaker

LARGEST, QUEUED_MB = "SAGEMAKER_MAX_PAYLOAD_IN_MB", "1024"


def make_model(scope: Construct, deployment: Deployment) -> sagemaker.CfnModel:
    return keep_when_replaced(_make(scope, "Model", deployment, {}))


def make_champion(scope: Construct, deployment: Deployment) -> sagemaker.CfnModel:
    """The version that serves, where another is compared with it.

    By a name of its own: the model that it served by alone stands until nothing can go back to it.
    """
    return keep_when_removed(_make(scope, "Champion", deployment.in_charge, {"champion": True}))


def _make(scope: Construct, id_: str, deployment: Deployment, also: dict[str, object]) -> sagemaker.CfnModel:
    role = deployment.role(names.model_role(deployment.platform, deployment.model))
    # A model answers requests and calls nobody; SageMaker itself fetches the artifact. Serverless cannot.
    isolated = deployment.kind != "serverless"
    content: dict[str, object] = {"package": deployment.package.arn, "role": role, "isolated": isolated}
    content |= also
    # SageMaker tells a container of a transform how much it may be sent, and one behind a queue nothing.
    environment = {"environment": {LARGEST: QUEUED_MB}} if deployment.kind == "async" else {}
    content |= environment
    if deployment.network:
        content["network"] = asdict(deployment.network)
    return sagemaker.CfnModel(
        scope,
        id_,
        model_name=deployment.by_content(content),
        execution_role_arn=role,
        containers=[{"modelPackageName": deployment.package.arn, **environment}],
        enable_network_isolation=isolated,
        vpc_config=deployment.network.in_template() if deployment.network else None,
    )
