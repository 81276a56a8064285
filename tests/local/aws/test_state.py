"""What a local AWS keeps when it is stopped or killed, and what ends with it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from isthmus import lifeline
from tests.local.aws.documents import allow, make_role
from tests.local.conftest import AUTOMATION, REGION, Aws, Issuer, free_port, start_aws

WAIT = {"WaiterConfig": {"Delay": 0.1, "MaxAttempts": 100}}
TAKES = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
FUNCTION = """
import boto3, os
def handle(event, context):
    who = boto3.client("sts").get_caller_identity()["Arn"]
    return {"pid": os.getpid(), "who": who, "azure": os.environ["AZURE_DEVOPS_URL"]}
"""


class Server:
    """A local AWS of this file's own, which it may kill."""

    def __init__(self, state: Path, issuer: tuple[Issuer, str]) -> None:
        self.state, self.issuer, self.port = state, issuer, free_port()
        self.aws = Aws(f"http://127.0.0.1:{self.port}", REGION, issuer[0])
        self.process: subprocess.Popen[bytes]
        self.start()

    def start_on_another_port(self) -> None:
        self.port = free_port()
        self.aws = Aws(f"http://127.0.0.1:{self.port}", REGION, self.issuer[0])
        self.start()

    def start(self) -> None:
        environment = {"AZURE_DEVOPS_URL": "http://127.0.0.1:9/contoso"}
        self.process = start_aws(self.state, self.issuer[1], self.port, environment)

    def kill(self) -> None:
        """As `kill -9` of the server itself; returns when all that it started is gone as well."""
        (server,) = psutil.Process(self.process.pid).children()
        os.kill(server.pid, signal.SIGKILL)
        self.process.wait(60)

    def written(self, service: str, word: str) -> None:
        """Wait for the snapshot that holds `word`: a second or two after the change."""
        file, deadline = self.state / "services" / f"{service}.json", time.monotonic() + 60
        while not file.exists() or word not in file.read_text():
            assert time.monotonic() < deadline, f"{word} was never written to {file}"

    def jwks(self) -> object:
        return requests.get(f"{self.aws.url}/_isthmus/jwks", timeout=60).json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str]) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("killed"), issuer)
    yield one
    lifeline.stop(one.process)


class Kept:
    """What is made before the server ends, and must be there after it has started again."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name, self.keys = server, name, server.jwks()
        aws = server.aws
        make_role(aws, AUTOMATION, name, allow("s3:GetObject", f"arn:aws:s3:::{name}/*"))
        s3 = aws.client("s3", AUTOMATION)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=name, Key="one", Body=b"kept")
        self.session = aws.acting_as(name, AUTOMATION)
        self.cloudformation = aws.client("cloudformation", AUTOMATION)
        self.cloudformation.create_stack(StackName=name, TemplateBody=self.template())
        self.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, **WAIT)
        for service, word in (
            ("sts", self.session["AccessKeyId"]),
            ("cloudformation", f"{name}-two"),
            ("sns", f"{name}-two"),
            ("sagemaker", name),
        ):
            server.written(service, word)

    def template(self, *more: str) -> str:
        topics = {
            f"Topic{number}": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{self.name}-{topic}"}}
            for number, topic in enumerate(("one", "two", *more))
        }
        group = {"ModelPackageGroupName": self.name}
        made = {"Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": group}}
        return json.dumps({"Resources": made | topics})

    def check(self) -> None:
        aws = self.server.aws
        assert self.server.jwks() == self.keys
        s3 = aws.client("s3", AUTOMATION, self.session)
        assert s3.get_object(Bucket=self.name, Key="one")["Body"].read() == b"kept"
        self.cloudformation.describe_stacks(StackName=self.name)
        sagemaker = aws.client("sagemaker", AUTOMATION)
        sagemaker.describe_model_package_group(ModelPackageGroupName=self.name)


def test_a_killed_server_loses_no_state_and_leaves_no_function_running(server: Server) -> None:
    kept = Kept(server, "killed")
    make_function(
        server.aws, "told", make_role(server.aws, AUTOMATION, "function", trusts="lambda.amazonaws.com")
    )
    first = invoke(server.aws)
    assert first["who"] == f"arn:aws:sts::{AUTOMATION}:assumed-role/function/told"
    # Deployed for the real Azure DevOps; here that name leads to the local one.
    assert first["azure"] == "http://127.0.0.1:9/contoso"
    server.written("lambda", "told")
    server.kill()
    assert ended(first["pid"])
    server.start()
    kept.check()
    assert invoke(server.aws)["who"] == first["who"]


def test_a_stopped_server_keeps_its_state_and_frees_stacks_that_were_changing(server: Server) -> None:
    kept = Kept(server, "stopped")
    started = time.monotonic()
    assert lifeline.stop(server.process) == 0
    assert time.monotonic() - started < 30
    # As a snapshot in the middle of an update would have it.
    file = server.state / "services" / "cloudformation.json"
    file.write_text(file.read_text().replace('"CREATE_COMPLETE"', '"UPDATE_IN_PROGRESS"'))
    server.start()
    kept.check()
    kept.cloudformation.update_stack(StackName="stopped", TemplateBody=kept.template("three"))
    kept.cloudformation.get_waiter("stack_update_complete").wait(StackName="stopped", **WAIT)
    topics = server.aws.client("sns", AUTOMATION).list_topics()["Topics"]
    names = {one["TopicArn"].rsplit(":", 1)[1] for one in topics}
    assert {"stopped-one", "stopped-two", "stopped-three"} <= names


def test_a_message_reaches_its_function_after_a_start_on_another_port(server: Server) -> None:
    role = make_role(server.aws, AUTOMATION, "takes", allow(TAKES, "*"), trusts="lambda.amazonaws.com")
    make_function(server.aws, "takes", role)
    sqs = server.aws.client("sqs", AUTOMATION)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "waiting"}}
    stack = {"StackName": "waiting", "TemplateBody": json.dumps({"Resources": {"Queue": queue}})}
    server.aws.client("cloudformation", AUTOMATION).create_stack(**stack)
    server.aws.client("cloudformation", AUTOMATION).get_waiter("stack_create_complete").wait(
        StackName="waiting", **WAIT
    )
    url = sqs.get_queue_url(QueueName="waiting")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:waiting"
    mapping = server.aws.client("lambda", AUTOMATION).create_event_source_mapping(
        FunctionName="takes", EventSourceArn=arn, Enabled=False
    )
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert lifeline.stop(server.process) == 0
    server.start_on_another_port()
    sqs = server.aws.client("sqs", AUTOMATION)
    assert waiting(sqs, url) == 1
    server.aws.client("lambda", AUTOMATION).update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    deadline = time.monotonic() + 60
    while waiting(sqs, url):
        assert time.monotonic() < deadline, "the message never reached its function"
    server.aws.client("cloudformation", AUTOMATION).delete_stack(StackName="waiting")
    server.aws.client("cloudformation", AUTOMATION).get_waiter("stack_delete_complete").wait(
        StackName="waiting", **WAIT
    )
    assert not sqs.list_queues().get("QueueUrls")


def waiting(sqs: Any, url: str) -> int:
    """How many messages nobody has taken and deleted."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return sum(map(int, found.values()))


def test_state_holds_secrets_and_is_for_its_owner_alone(server: Server) -> None:
    assert not server.state.stat().st_mode & 0o077


def make_function(aws: Aws, name: str, role: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("function.py", FUNCTION)
    aws.client("lambda", AUTOMATION).create_function(
        FunctionName=name,
        Runtime="python3.14",
        Handler="function.handle",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"AZURE_DEVOPS_URL": "https://dev.azure.com/contoso"}},
    )


def invoke(aws: Aws) -> dict:
    return json.loads(aws.client("lambda", AUTOMATION).invoke(FunctionName="told")["Payload"].read())


def ended(pid: int) -> bool:
    """Gone, or killed and not yet reaped by whoever inherited it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
