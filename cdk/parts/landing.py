"""Data landing: a bucket tells a topic of each file, a queue keeps that, and a function checks the file.

What is fit goes to the data bucket, what is not stays under `rejected/`. That a data set is complete is told
on the automation bus, from where the bridge starts the build.
"""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.bus import say_as
from cdk.parts.dead_letters import watch
from cdk.parts.function import Function
from cdk.parts.grants import (
    MODEL,
    Principal,
    Statement,
    allow,
    allow_principal,
    make_policy,
    model_role,
    refuse,
    roles_of_models,
    service,
)
from cdk.parts.keys import USE, Keys
from cdk.parts.queues import READ_QUEUE, Queue
from cdk.parts.storage import Storage, bucket_arn, objects, under
from cdk.parts.tables import table
from cdk.parts.topics import topic
from isthmus import names
from isthmus.config import Landing, Model, Platform
from isthmus.resource_types import aws_sns

CODE = Path(__file__).parents[2] / "landing"
# The longest that Lambda lets a function run, and a whole processor: one large file is one invocation.
SECONDS, MEGABYTES = 900, 1769
KEEP_DAYS = 365
WRITER = "writer"
S3 = "s3.amazonaws.com"


class LandingZone(Construct):
    """Bucket, topic, queue with dead letters, function and its memory; and what a model's writer may do.

    `notices` is the ARN of the topic that tells people.
    """

    def __init__(
        self, scope: Construct, platform: Platform, *, keys: Keys, storage: Storage, notices: str
    ) -> None:
        super().__init__(scope, "Landing")
        self._platform, self._name, self._stack = platform, names.landing(platform), Stack.of(self)
        self._data_key, self._bus = keys.data.arn, names.event_bus(platform)
        keys.messages.allow_service(S3)
        keys.messages.allow(self._topic_sends(), USE)
        keys.messages.allow_roles(USE, self._name)
        keys.data.allow_roles(USE, self._name)
        keys.data.allow(roles_of_models(platform, self._stack.account, WRITER), USE)
        dead_letters, queue = self._queues(keys.messages.arn)
        self._bucket(storage, self._topic(keys.messages.arn, queue, dead_letters))
        table(self, "Memory", self._name, key=keys.messages.arn)
        Function(
            self,
            "Function",
            self._name,
            platform,
            code=CODE,
            handler="landing.handler.handle",
            description="Checks files that land, and tells of data sets that are complete",
            seconds=SECONDS,
            memory=MEGABYTES,
            environment=self._environment(),
            statements=self._statements(queue),
            keys=keys,
            # A file may take all the time that an invocation has.
        ).read_queue(queue, batch=1, concurrency=10)
        self._writers()
        watch(
            self, dead_letters, "A file that landed could not be checked; see its dead-letter queue", notices
        )

    def _topic_sends(self) -> Principal:
        arn = f"arn:aws:sns:{self._stack.region}:{self._stack.account}:{self._name}"
        return {"Service": "sns.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": arn}}

    def _queues(self, key: str) -> tuple[Queue, Queue]:
        senders = (self._topic_sends(),)
        dead = Queue(self, "DeadLetters", f"{self._name}-dlq", key=key, seconds=SECONDS, senders=senders)
        return dead, Queue(
            self, "Queue", self._name, key=key, seconds=SECONDS, senders=senders, dead_letters=dead
        )

    def _topic(self, key: str, queue: Queue, dead_letters: Queue) -> aws_sns.CfnTopicPolicy:
        """What the bucket tells, and the queue hears; others may subscribe as well."""
        who = service(S3, self._stack.account)
        policy = topic(self, "Arrivals", self._name, key=key, publishers=(who,))
        aws_sns.CfnSubscription(
            self,
            "Heard",
            topic_arn=policy.topics[0],
            protocol="sqs",
            endpoint=queue.arn,
            raw_message_delivery=True,
            redrive_policy={"deadLetterTargetArn": dead_letters.arn},
        ).node.add_dependency(queue, dead_letters)
        return policy

    def _bucket(self, storage: Storage, told: aws_sns.CfnTopicPolicy) -> None:
        """Versioned, so that what is told of is what is checked, whatever comes after it."""
        incoming = {"s3Key": {"rules": [{"name": "prefix", "value": names.INCOMING}]}}
        bucket = storage.bucket(
            "Landing",
            names.landing_bucket(self._platform),
            expire_days=KEEP_DAYS,
            notification_configuration={
                "topicConfigurations": [
                    {"event": "s3:ObjectCreated:*", "topic": told.topics[0], "filter": incoming}
                ]
            },
        )
        for foreign in _unreadable(self._data_key):
            bucket.add(refuse("s3:PutObject", objects(bucket.name), foreign))
        # S3 sends a test message as soon as it is configured: the policies must stand before.
        bucket.resource.add_resource_dependency(told)

    def _environment(self) -> dict[str, str]:
        return {
            "LANDING_BUCKET": names.landing_bucket(self._platform),
            "DATA_BUCKET": names.data_bucket(self._platform),
            "LANDING_TABLE": self._name,
            "EVENT_BUS": self._bus,
            "MODELS_PATH": names.model_parameters(self._platform),
        }

    def _statements(self, queue: Queue) -> list[Statement]:
        region, account = self._stack.region, self._stack.account
        landing, data = names.landing_bucket(self._platform), names.data_bucket(self._platform)
        models = f"arn:aws:ssm:{region}:{account}:parameter{names.model_parameters(self._platform)}"
        return [
            allow(READ_QUEUE, queue.arn),
            allow(["s3:GetObject", "s3:GetObjectVersion"], objects(landing, names.INCOMING)),
            allow("s3:ListBucketVersions", bucket_arn(landing), under(names.INCOMING)),
            allow("s3:PutObject", objects(landing, names.REJECTED)),
            allow("s3:GetObject", f"{bucket_arn(data)}/{names.schema('*')}"),
            # Without it, S3 does not say that an object is not there.
            allow("s3:ListBucket", bucket_arn(data)),
            allow(
                ["s3:AbortMultipartUpload", "s3:PutObject"],
                [f"{bucket_arn(data)}/{folder}*" for folder in (names.checked("*"), names.landed("*"))],
            ),
            allow(USE, self._data_key),
            allow(
                ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem"],
                f"arn:aws:dynamodb:{region}:{account}:table/{self._name}",
            ),
            allow("ssm:GetParameter", f"{models}/*"),
            say_as(self._platform, names.LANDING_SOURCE),
        ]

    def _writers(self) -> None:
        """What the writer role of each model may do: put its files, and see what lies there and why."""
        bucket = names.landing_bucket(self._platform)
        mine = [f"{names.INCOMING}{MODEL}/", f"{names.REJECTED}{MODEL}/"]
        make_policy(
            self,
            "WriterPolicy",
            names.policy(self._platform, WRITER),
            "For each model's own files: what writers of data may do",
            [
                allow(["s3:AbortMultipartUpload", "s3:PutObject"], objects(bucket, mine[0])),
                allow("s3:GetObject", objects(bucket, *mine)),
                allow("s3:ListBucket", bucket_arn(bucket), under(*mine)),
                allow(USE, self._data_key),
            ],
        )


def _unreadable(key: str) -> list[dict[str, dict[str, str | list[str]]]]:
    """The conditions of what the function could not read: another's key, the writer's own, an archive."""
    named, own = (
        f"s3:x-amz-server-side-encryption-{one}" for one in ("aws-kms-key-id", "customer-algorithm")
    )
    return [
        {"StringNotEquals": {named: key}, "Null": {named: "false"}},
        {"Null": {own: "false"}},
        {"StringEquals": {"s3:x-amz-storage-class": ["DEEP_ARCHIVE", "GLACIER"]}},
    ]


def writer(scope: Construct, platform: Platform, model: Model, landing: Landing) -> None:
    """The role that a model's files are landed as, for the roles that platform.yaml names."""
    trust: list[Statement] = []
    for account in sorted({arn.split(":")[4] for arn in landing.writers}):
        roles = sorted(arn for arn in landing.writers if arn.split(":")[4] == account)
        who: Principal = (
            {"AWS": f"arn:aws:iam::{account}:root"},
            {"ArnEquals": {"aws:PrincipalArn": roles}},
        )
        trust.append(allow_principal(who, "sts:AssumeRole"))
    model_role(
        scope,
        "Writer",
        names.writer_role(platform, model.name),
        trust=trust,
        description=f"Lands files for {model.name}",
        policy=names.policy(platform, WRITER),
    )
