"""Topics: encrypted, TLS only, and open to those alone who are named."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.grants import WITHOUT_TLS, Principal, allow_principal, document, refuse
from isthmus.resource_types import aws_sns


def topic(
    scope: Construct, id_: str, name: str, *, key: str, publishers: tuple[Principal, ...]
) -> aws_sns.CfnTopicPolicy:
    """A topic and its policy, which is returned: who publishes waits for it. Its ARN is `topics[0]` there."""
    made = aws_sns.CfnTopic(scope, id_, topic_name=name, kms_master_key_id=key)
    return aws_sns.CfnTopicPolicy(
        scope,
        f"{id_}Policy",
        topics=[made.ref],
        policy_document=document(
            refuse("sns:Publish", made.ref, WITHOUT_TLS),
            *(allow_principal(one, "sns:Publish", made.ref) for one in publishers),
        ),
    )
