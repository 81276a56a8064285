"""The queue of an asynchronous endpoint: where results and failures lie, and the topics that tell of them."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.resource_types import aws_sns as sns

_PROPERTY = {"success": "successTopic", "failure": "errorTopic"}
_NAME = {"success": names.success_topic, "failure": names.failure_topic}


def queue_config(deployment: Deployment) -> dict[str, Any]:
    results, asked = deployment.stored(names.results(deployment.model)), deployment.config.asynchronous
    topics = {_PROPERTY[outcome]: _arn(deployment, outcome) for outcome in asked.topics}
    output = {
        "s3OutputPath": f"{results}answers",
        "s3FailurePath": f"{results}failures",
        "kmsKeyId": deployment.key,
    }
    return {
        "clientConfig": {"maxConcurrentInvocationsPerInstance": asked.max_concurrent_invocations},
        "outputConfig": output | ({"notificationConfig": topics} if topics else {}),
    }


def make_topics(scope: Construct, deployment: Deployment) -> list[sns.CfnTopic]:
    """The topics, encrypted with the account's key for messages; the model's role publishes to them."""
    key = names.key_alias(deployment.platform, "messages")
    return [
        sns.CfnTopic(
            scope,
            f"{outcome.capitalize()}Topic",
            topic_name=_NAME[outcome](deployment.platform, deployment.model),
            kms_master_key_id=key,
        )
        for outcome in deployment.config.asynchronous.topics
    ]


def _arn(deployment: Deployment, outcome: str) -> str:
    name = _NAME[outcome](deployment.platform, deployment.model)
    return f"arn:aws:sns:{deployment.region}:{deployment.account}:{name}"
