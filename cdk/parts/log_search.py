"""Full-text search in logs: from log groups through Firehose and a bucket into an OpenSearch collection.

Firehose itself cannot put what CloudWatch Logs sends into a collection, because it packs many lines into one
record; so it writes lines to a bucket, from where OpenSearch Ingestion takes them. No code of ours runs.
https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs.html
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Fn, Stack
from constructs import Construct

from cdk.parts.dead_letters import watch
from cdk.parts.grants import allow, make_role, service
from cdk.parts.keys import READ, USE, Keys
from cdk.parts.queues import READ_QUEUE, Queue
from cdk.parts.storage import Storage, bucket_arn, objects
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_kinesisfirehose, aws_logs, aws_opensearchserverless, aws_osis

KEEP_DAYS = 30
LINES, FAILED = "lines/", "failed/"
# Files are small: a minute's lines of a few functions.
SECONDS = 60
S3 = "s3.amazonaws.com"


class LogSearch(Construct):
    """The collection, and the way that each line of the log groups takes into it.

    `notices` is the ARN of the topic that tells people; `after` are what makes the log groups.
    """

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        *,
        keys: Keys,
        storage: Storage,
        notices: str,
        groups: list[str],
        after: list[Construct],
    ) -> None:
        super().__init__(scope, "LogSearch")
        self._platform, self._keys, self._stack = platform, keys, Stack.of(self)
        self._name, self._bucket = names.log_search(platform), names.log_search_bucket(platform)
        queue = self._arrivals(storage, notices)
        stream = self._stream()
        self._subscribe(stream, groups, after)
        self._ingest(queue, self._collection())

    def _arrivals(self, storage: Storage, notices: str) -> Queue:
        """The bucket that lines are written to, and the queue that it tells of each file."""
        key, senders = self._keys.messages, (service(S3, self._stack.account),)
        key.allow_service(S3)
        shared: dict[str, Any] = {"key": key.arn, "seconds": SECONDS}
        dead = Queue(self, "DeadLetters", f"{self._name}-dlq", **shared)
        queue = Queue(self, "Queue", self._name, senders=senders, dead_letters=dead, **shared)
        watch(self, dead, "Logs do not reach the OpenSearch collection; see the dead-letter queue", notices)
        lines = {"s3Key": {"rules": [{"name": "prefix", "value": LINES}]}}
        bucket = storage.bucket(
            "LogSearch",
            self._bucket,
            expire_days=KEEP_DAYS,
            notification_configuration={
                "queueConfigurations": [{"event": "s3:ObjectCreated:*", "queue": queue.arn, "filter": lines}]
            },
        )
        # S3 sends a test message as soon as it is configured: the queue's policy must stand before.
        bucket.resource.node.add_dependency(queue)
        return queue

    def _stream(self) -> str:
        """What unpacks lines and writes them to the bucket, a file a minute; returns its ARN."""
        name, key = f"{self._name}-firehose", self._keys.data
        key.allow_roles(USE, name)
        key.allow_stacks("firehose")
        role = make_role(
            self,
            "Firehose",
            name,
            trust=service("firehose.amazonaws.com", self._stack.account),
            description="Firehose, writing lines of logs to a bucket",
            statements=[
                allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], objects(self._bucket)),
                allow(
                    ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                    bucket_arn(self._bucket),
                ),
                allow(USE, key.arn),
            ],
        )
        aws_kinesisfirehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=self._name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input={
                "keyType": "CUSTOMER_MANAGED_CMK",
                "keyArn": key.arn,
            },
            extended_s3_destination_configuration={
                "bucketArn": bucket_arn(self._bucket),
                "roleArn": role.attr_arn,
                "prefix": LINES,
                "errorOutputPrefix": FAILED,
                "bufferingHints": {"intervalInSeconds": 60, "sizeInMBs": 5},
                "compressionFormat": "UNCOMPRESSED",
                "encryptionConfiguration": {"kmsEncryptionConfig": {"awskmsKeyArn": key.arn}},
                "processingConfiguration": {"enabled": True, "processors": _UNPACK},
            },
        )
        return f"arn:aws:firehose:{self._stack.region}:{self._stack.account}:deliverystream/{self._name}"

    def _subscribe(self, stream: str, groups: list[str], after: list[Construct]) -> None:
        """Let CloudWatch Logs send each line of these groups there."""
        logs = f"logs.{self._stack.region}.amazonaws.com"
        role = make_role(
            self,
            "Sender",
            f"{self._name}-sender",
            trust=service(logs, self._stack.account),
            description="CloudWatch Logs, sending lines to Firehose",
            statements=[allow(["firehose:PutRecord", "firehose:PutRecordBatch"], stream)],
        )
        for group in groups:
            made = aws_logs.CfnSubscriptionFilter(
                self,
                f"From{group.rpartition('/')[2]}",
                filter_name=self._name,
                log_group_name=group,
                filter_pattern="",
                destination_arn=stream,
                role_arn=role.attr_arn,
            )
            made.node.add_dependency(self.node.find_child("Stream"), *after)

    def _collection(self) -> aws_opensearchserverless.CfnCollection:
        """The collection, whose endpoint is public and lets in signed requests of the two roles only."""
        collection = {"ResourceType": "collection", "Resource": [f"collection/{self._name}"]}
        dashboard = {"ResourceType": "dashboard", "Resource": [f"collection/{self._name}"]}
        self._keys.logs.allow_stacks("aoss")
        encryption = self._security(
            "encryption", {"Rules": [collection], "AWSOwnedKey": False, "KmsARN": self._keys.logs.arn}
        )
        network = self._security("network", [{"Rules": [collection, dashboard], "AllowFromPublic": True}])
        aws_opensearchserverless.CfnAccessPolicy(
            self,
            "Access",
            name=self._name,
            type="data",
            policy=self._stack.to_json_string(
                [
                    self._may(f"{self._name}-ingest", _WRITE, ["aoss:DescribeCollectionItems"]),
                    self._may(names.operator_role(self._platform), _READ, ["aoss:DescribeCollectionItems"]),
                ]
            ),
        )
        made = aws_opensearchserverless.CfnCollection(
            self, "Collection", name=self._name, type="TIMESERIES", standby_replicas="DISABLED"
        )
        made.node.add_dependency(encryption, network)
        return made

    def _security(self, kind: str, policy: Any) -> aws_opensearchserverless.CfnSecurityPolicy:
        return aws_opensearchserverless.CfnSecurityPolicy(
            self,
            kind.capitalize(),
            name=self._name,
            type=kind,
            policy=self._stack.to_json_string(policy),
        )

    def _may(self, role: str, index: list[str], collection: list[str]) -> dict[str, Any]:
        return {
            "Rules": [
                {"ResourceType": "index", "Resource": [f"index/{self._name}/*"], "Permission": index},
                {
                    "ResourceType": "collection",
                    "Resource": [f"collection/{self._name}"],
                    "Permission": collection,
                },
            ],
            "Principal": [names.role_arn(self._stack.account, role)],
        }

    def _ingest(self, queue: Queue, collection: aws_opensearchserverless.CfnCollection) -> None:
        """The pipeline of OpenSearch Ingestion from the bucket to the collection."""
        name = f"{self._name}-ingest"
        self._keys.data.allow_roles(READ, name)
        self._keys.messages.allow_roles(READ, name)
        role = make_role(
            self,
            "Ingest",
            name,
            trust=service("osis-pipelines.amazonaws.com", self._stack.account),
            description="OpenSearch Ingestion, from the bucket of lines to the collection",
            statements=[
                allow("s3:GetObject", objects(self._bucket, LINES)),
                allow(READ_QUEUE, queue.arn),
                allow(READ, [self._keys.data.arn, self._keys.messages.arn]),
                allow("aoss:APIAccessAll", collection.attr_arn),
                allow("aoss:BatchGetCollection", "*", {"StringEquals": {"aoss:collection": self._name}}),
            ],
        )
        body = PIPELINE.format(
            region=self._stack.region,
            queue=f"https://sqs.{self._stack.region}.amazonaws.com/{self._stack.account}/{self._name}",
            index=self._platform.name,
            role=names.role_arn(self._stack.account, name),
        )
        made = aws_osis.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self._name,
            min_units=1,
            max_units=2,
            pipeline_configuration_body=Fn.join(collection.attr_collection_endpoint, body.split(ENDPOINT)),
            pipeline_role_arn=role.attr_arn,
        )
        made.node.add_dependency(queue, self.node.find_child("Access"))


_UNPACK = [
    {
        "type": "Decompression",
        "parameters": [{"parameterName": "CompressionFormat", "parameterValue": "GZIP"}],
    },
    {
        "type": "CloudWatchLogProcessing",
        "parameters": [{"parameterName": "DataMessageExtraction", "parameterValue": "true"}],
    },
]
_WRITE = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:UpdateIndex", "aoss:WriteDocument"]
_READ = ["aoss:DescribeIndex", "aoss:ReadDocument"]
ENDPOINT = "<endpoint>"
# Lines of our functions are JSON; what is not stays a message.
PIPELINE = """version: "2"
logs:
  source:
    s3:
      acknowledgments: true
      notification_type: sqs
      compression: none
      codec:
        newline:
      sqs:
        queue_url: {queue}
      aws:
        region: {region}
        sts_role_arn: {role}
  processor:
    - parse_json:
        tags_on_failure: [text]
    - date:
        from_time_received: true
        destination: "@timestamp"
  sink:
    - opensearch:
        hosts: ["<endpoint>"]
        index: "{index}-%{{yyyy.MM.dd}}"
        aws:
          serverless: true
          region: {region}
          sts_role_arn: {role}
"""
