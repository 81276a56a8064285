"""Queues: encrypted, TLS only, kept for two weeks; what cannot be done goes to a queue of dead letters."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import WITHOUT_TLS, Principal, allow_principal, document, refuse
from isthmus.resource_types import aws_sqs

KEEP_SECONDS = 14 * 86_400
ATTEMPTS = 5
READ_QUEUE = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)


class Queue(Construct):
    """A queue and who may send to it; with `dead_letters`, what failed so many `attempts` goes there.

    `seconds` is the longest time that a reader works on a batch.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        name: str,
        *,
        key: str,
        seconds: int,
        senders: tuple[Principal, ...] = (),
        dead_letters: Queue | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        self.name, self.arn = name, f"arn:aws:sqs:{stack.region}:{stack.account}:{name}"
        self.url = f"https://sqs.{stack.region}.amazonaws.com/{stack.account}/{name}"
        redrive: dict[str, Any] = {}
        if dead_letters:
            redrive = {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": attempts}
            self.node.add_dependency(dead_letters)
        made = aws_sqs.CfnQueue(
            self,
            "Queue",
            queue_name=name,
            kms_master_key_id=key,
            message_retention_period=KEEP_SECONDS,
            # AWS asks for six times the reader's time, so that no message is read twice while in work.
            visibility_timeout=6 * seconds,
            redrive_policy=redrive or None,
        )
        aws_sqs.CfnQueuePolicy(
            self,
            "Policy",
            queues=[made.ref],
            policy_document=document(
                refuse("sqs:*", self.arn, WITHOUT_TLS),
                *(allow_principal(sender, "sqs:SendMessage", self.arn) for sender in senders),
            ),
        )
