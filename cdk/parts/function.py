"""A Lambda function of ours: its code as an asset, its own role and log group, everything encrypted."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import AssetStaging, FileAssetPackaging, Stack
from constructs import Construct

from cdk.parts.excuse import excuse
from cdk.parts.grants import Statement, allow, log_arn, make_role, service
from cdk.parts.keys import USE, Keys
from cdk.parts.lambda_asset import lambda_folder
from cdk.parts.logs import log_group
from cdk.parts.queues import Queue
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_lambda


class Function(Construct):
    """A function that runs the package at `code` as a role of its own name, with `statements`.

    Its environment, and the messages that it reads, are encrypted with the key of messages.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        name: str,
        platform: Platform,
        *,
        code: Path,
        handler: str,
        description: str,
        seconds: int,
        environment: dict[str, str],
        statements: list[Statement],
        keys: Keys,
        memory: int = 256,
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        self.arn = f"arn:aws:lambda:{stack.region}:{stack.account}:function:{name}"
        group = log_group(self, "Log", platform, names.function_log(name), keys.logs)
        self.log: str = group.ref
        role = make_role(
            self,
            "Role",
            name,
            trust=service("lambda.amazonaws.com", stack.account),
            description=description,
            statements=[*statements, *_own_statements(stack, name, keys)],
        )
        self._function = aws_lambda.CfnFunction(
            self,
            "Function",
            function_name=name,
            description=description,
            runtime="python3.14",
            architectures=["arm64"],
            handler=handler,
            code=_asset(self, code),
            timeout=seconds,
            memory_size=memory,
            role=role.attr_arn,
            environment={"variables": environment},
            kms_key_arn=keys.messages.arn,
            logging_config={"logGroup": group.ref},
            tracing_config={"mode": "Active"},
        )
        excuse(
            self._function,
            "what calls it keeps the dead letters or hears of failure, and bounds its concurrency; it calls "
            "public APIs only",
            "CKV_AWS_115",
            "CKV_AWS_116",
            "CKV_AWS_117",
            "NIST.800.53.R5-LambdaConcurrency",
            "NIST.800.53.R5-LambdaDLQ",
            "NIST.800.53.R5-LambdaInsideVPC",
        )

    def read_queue(self, queue: Queue, *, batch: int = 10, concurrency: int = 2) -> None:
        """Work through the queue; a message that fails returns to it, and the others of its batch do not."""
        source = aws_lambda.CfnEventSourceMapping(
            self,
            "Source",
            function_name=self._function.ref,
            event_source_arn=queue.arn,
            batch_size=batch,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximumConcurrency": concurrency},
        )
        source.node.add_dependency(queue)


def _own_statements(stack: Stack, name: str, keys: Keys) -> list[Statement]:
    """What every function does beside its work: write its log and its traces, and use the key of messages."""
    log = f"{log_arn(stack, names.function_log(name))}:*"
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], log),
        # Lambda itself sends them, as the function's role.
        allow(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*"),
        allow(USE, keys.messages.arn),
    ]


def _asset(scope: Construct, package: Path) -> dict[str, str]:
    """Where CloudFormation finds the package with its dependencies."""
    stack = Stack.of(scope)
    staged = AssetStaging(scope, "Code", source_path=str(lambda_folder(package)))
    location = stack.synthesizer.add_file_asset(
        source_hash=staged.asset_hash,
        packaging=FileAssetPackaging.ZIP_DIRECTORY,
        file_name=staged.relative_staged_path(stack),
    )
    return {"s3Bucket": location.bucket_name, "s3Key": location.object_key}
