"""DynamoDB tables in which a function remembers what it has done."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from constructs import Construct

from cdk.parts.excuse import excuse
from isthmus.resource_types import aws_dynamodb


def table(scope: Construct, id_: str, name: str, *, key: str) -> None:
    """A table by `id`, whose items end at `expiration`; paid by request, encrypted with the key."""
    made = aws_dynamodb.CfnTable(
        scope,
        id_,
        table_name=name,
        attribute_definitions=[{"attributeName": "id", "attributeType": "S"}],
        key_schema=[{"attributeName": "id", "keyType": "HASH"}],
        billing_mode="PAY_PER_REQUEST",
        time_to_live_specification={"attributeName": "expiration", "enabled": True},
        sse_specification={"sseEnabled": True, "sseType": "KMS", "kmsMasterKeyId": key},
        point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
    )
    made.apply_removal_policy(RemovalPolicy.DESTROY)
    excuse(
        made,
        "remembers for days which events were done; point-in-time recovery is all that it needs",
        "NIST.800.53.R5-DynamoDBInBackupPlan",
    )
