"""A local AWS of its own for SageMaker's tests, and what their pipelines and endpoints are made of."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from isthmus import lifeline
from isthmus.local.aws.accounts import Root

REGION = "eu-west-1"
ROOT_SECRET = "test"
DEV, AUTOMATION, STAGING, PROD = "111122223333", "222233334444", "333344445555", "444455556666"
BUCKET = "sagemaker-tests"
# Of a rollout, and of the alarms on its new fleet, in seconds.
MINUTE = 0.5
ROLE = f"arn:aws:iam::{AUTOMATION}:role/pipeline"
EVERYTHING = ["s3:*", "ecr:*", "kms:*", "logs:*", "sagemaker:*", "iam:PassRole"]

SERVE = """#!{python} -S
# A container's `serve`, small enough to start in a few milliseconds.
import http.server, os, sys, time
root = os.environ.get("ISTHMUS_OPT_ML", "/opt/ml")
name = open(f"{{root}}/model/name").read()
if name == "broken":
    print("cannot load the model")
    sys.exit(1)
if name.startswith("slow"):
    slow = 0.3
elif name.startswith("stuck"):
    slow = 30
else:
    slow = 0
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        self.answer(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if body == b"slow":
            time.sleep(0.1)
        if name == "dying" and body == b"crash":
            os._exit(1)
        status = {{b"bad": 400, b"crash": 500}}.get(body, 200)
        status = 500 if name.startswith("raising") else status
        time.sleep(slow)
        self.answer(status, b"no column a" if status != 200 else name.encode() + b":" + body)
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
    def log_message(self, *_):
        pass
print("serving", name, flush=True)
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@dataclass
class Aws:
    """A running local AWS."""

    url: str
    process: subprocess.Popen[bytes]
    state: Path
    image: str = ""
    clients: dict[tuple[str, str, str | None], Any] = field(default_factory=dict)

    @property
    def root(self) -> Root:
        return Root(self.url, ROOT_SECRET)

    def client(self, service: str, account: str = AUTOMATION, role: str | None = None) -> Any:
        """A client as an account's root, or as a role of the account."""
        key = (service, account, role)
        if key not in self.clients:
            self.clients[key] = self._client(service, account, role)
        return self.clients[key]

    def _client(self, service: str, account: str, role: str | None) -> Any:
        keys: dict[str, Any] = {"aws_access_key_id": account, "aws_secret_access_key": ROOT_SECRET}
        if role:
            answer = self.client("sts", account).assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="ada"
            )
            given = answer["Credentials"]
            keys = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        config = Config(retries={"total_max_attempts": 1})
        make: Any = boto3.client
        return make(service, region_name=REGION, endpoint_url=self.url, config=config, **keys)

    def role(self, name: str, statements: list[dict[str, Any]], account: str = AUTOMATION) -> str:
        """Make a role that SageMaker and the account may assume, and return its ARN."""
        trusted = {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{account}:root"}
        trust = [
            {"Effect": "Allow", "Principal": trusted, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
        ]
        iam = self.client("iam", account)
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_policy(statements))
        return arn

    def upload(self, key: str, body: str | bytes) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def model(self, name: str) -> str:
        """A model.tar.gz for the small `serve` above; returns its URI."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("name")
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
        return self.upload(f"models/{name}/model.tar.gz", archive.getvalue())

    def finished(self, arn: str) -> dict[str, Any]:
        """The execution's description, once it has ended."""
        sagemaker = self.client("sagemaker")
        ended: dict[str, Any] = until(
            lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda found: found["PipelineExecutionStatus"] not in ("Executing", "Stopping"),
        )
        return ended

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        pages = self.client("sagemaker").get_paginator("list_pipeline_execution_steps")
        found = pages.paginate(PipelineExecutionArn=arn).build_full_result()
        return {step["StepName"]: step for step in found["PipelineExecutionSteps"]}


def until(look: Callable[[], Any], done: Callable[[Any], bool], seconds: float = 60) -> Any:
    """Look until it is done, as a waiter does; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if done(found):
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {found}"
        time.sleep(0.02)


def start(state: Path, path: str) -> Aws:
    """Start the server on the state in a folder; its jobs and endpoints have `path` as their PATH."""
    state.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = state.parent / f"{state.name}.json"
    accounts = {"dev": DEV, "automation": AUTOMATION, "staging": STAGING, "prod": PROD}
    settings = {
        "accounts": accounts,
        "region": REGION,
        "platform": "isthmus",
        "issuers": {},
        "environment": {"PATH": path},
        "root_secret": ROOT_SECRET,
        "minute": MINUTE,
    }
    config.write_text(json.dumps(settings))
    arguments = ["--port", str(port), "--state", str(state), "--config", str(config)]
    process = lifeline.spawn(
        [sys.executable, "-m", "isthmus.local.aws", *arguments],
        stdout=subprocess.PIPE,
        stderr=(state.parent / f"{state.name}.log").open("ab"),
    )
    assert process.stdout is not None
    ready = process.stdout.readline().decode()
    assert ready.startswith("ready "), (state.parent / f"{state.name}.log").read_text()
    return Aws(ready.split()[1], process, state)


def furnish(aws: Aws) -> None:
    """What every test stands on: an image, a bucket, a role that may do all."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="isthmus/tabular")
    manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
    pushed = ecr.put_image(repositoryName="isthmus/tabular", imageTag="1", imageManifest=manifest)
    digest = pushed["image"]["imageId"]["imageDigest"]
    aws.image = f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/isthmus/tabular@{digest}"
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.role("pipeline", [{"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}])


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `serve` is the small one above."""
    folder = tmp_path_factory.mktemp("bin")
    serve = folder / "serve"
    serve.write_text(SERVE.format(python=sys.executable))
    serve.chmod(0o755)
    return f"{folder}:{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory, programs: str) -> Iterator[Aws]:
    server = start(tmp_path_factory.mktemp("aws") / "state", programs)
    try:
        furnish(server)
        yield server
    finally:
        lifeline.stop(server.process, 20)


@pytest.fixture
def sagemaker(aws: Aws) -> Any:
    return aws.client("sagemaker")


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
