"""Topics: encrypted, TLS only, and open to those alone who are named."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.grants import Principal, allow_principal, document
from isthmus.resource_types import aws_sns


def topic(
    scope: Construct, id_: str, name: str, *, key: str, publishers: tuple[Principal, ...]
) -> aws_sns.CfnTopicPolicy:
    """A topic and its policy, which is returned: who publishes waits for it. Its ARN is `topics[0]` there."""
    made = aws_sns.CfnTopic(scope, id_, topic_name=name, kms_master_key_id=key)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    return aws_sns.CfnTopicPolicy(
        scope,
        f"{id_}Policy",
        topics=[made.ref],
        policy_document=document(
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sns:Publish",
                "Resource": made.ref,
                "Condition": insecure,
            },
            *(allow_principal(one, "sns:Publish", made.ref) for one in publishers),
        ),
    )
