"""A registry with three versions, an endpoint in prod, and a person at a shell who may operate both."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from isthmus import lifeline
from isthmus.azure.contents import Folders
from isthmus.local.aws.bootstrap import laptop_user
from tests.azure.conftest import empty, folders
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import (
    AUTOMATION,
    BUCKET,
    PROD,
    REGION,
    STAGING,
    Aws,
    furnish,
    start,
    until,
)

__all__ = ["empty", "folders"]
CHECKOUT = Path(__file__).parents[2]
MODEL = "seattle-rain"
GROUP_ARN = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:model-package/{MODEL}"
ARTIFACTS = f"isthmus-artifacts-{AUTOMATION}-{REGION}"
CAPTURES = f"isthmus-capture-{PROD}-{REGION}"
LABELS = f"isthmus-ground-truth-{PROD}-{REGION}"
# What the platform's stacks grant; the words are tested with the stacks.
ANYTHING = ["sagemaker:*", "logs:*", "s3:*", "kms:*", "ecr:*", "sqs:*", "cloudwatch:*"]
SERVE = """#!{python} -S
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        self.answer(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if body.startswith(b"date,"):
            return self.answer(400, b"unknown column 'date'; the model takes: a, b")
        if body.startswith(b"bad"):
            return self.answer(400, b"row 1 has 1 cell; the model takes 2: a, b")
        self.answer(200, b"".join(b"0.5\\n" for _ in body.strip().splitlines()))
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def signed_in(azure: StandIn) -> dict[str, str]:
    """The environment of Robin, signed in to Azure DevOps too."""
    return {"AZURE_DEVOPS_URL": azure.organization_url, "AZURE_DEVOPS_TOKEN": azure.token("robin")}


@dataclass
class Shell:
    """A person's shell, signed in to the automation account."""

    environment: dict[str, str]

    def run(self, *arguments: str, given: str = "", **more: str) -> Result:
        from isthmus.cli import isthmus

        return CliRunner().invoke(isthmus, arguments, input=given, env=self.environment | more)

    def says(self, *arguments: str, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.exit_code == 0, done.exception
        return done.output

    def json(self, *arguments: str, **more: str) -> Any:
        return json.loads(self.says(*arguments, "--json", **more))


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    import sys

    programs = tmp_path_factory.mktemp("bin")
    (programs / "serve").write_text(SERVE.format(python=sys.executable))
    (programs / "serve").chmod(0o755)
    server = start(tmp_path_factory.mktemp("operate") / "state", f"{programs}:/usr/bin:/bin")
    try:
        furnish(server)
        _roles(server)
        _registry(server)
        _endpoint(server)
        yield server
    finally:
        lifeline.stop(server.process, 20)


@pytest.fixture(autouse=True)
def _registry_is_left_as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test registers goes with it: the clouds are all tests' own."""
    if "aws" not in request.fixturenames:
        yield
        return
    sagemaker = request.getfixturevalue("aws").client("sagemaker")

    def registered() -> set[str]:
        found = sagemaker.list_model_packages(ModelPackageGroupName=MODEL)["ModelPackageSummaryList"]
        return {one["ModelPackageArn"] for one in found}

    before = registered()
    yield
    for arn in registered() - before:
        sagemaker.delete_model_package(ModelPackageName=arn)


@pytest.fixture
def shell(aws: Aws, laptop: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    for name in [one for one in os.environ if one.startswith(("AWS_", "AZURE_", "COLUMNS"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Shell(
        laptop | {"AWS_ENDPOINT_URL": aws.url, "ISTHMUS_PLATFORM": str(CHECKOUT / "platform.yaml")},
    )


@pytest.fixture(scope="session")
def laptop(aws: Aws) -> dict[str, str]:
    return laptop_user(aws.root, REGION, AUTOMATION)


@pytest.fixture(scope="session")
def azure(empty: StandIn, folders: Folders) -> StandIn:
    """Azure DevOps as platform.yaml says, with a run that waits for prod's approvers."""
    from isthmus.azure import provision, runs
    from isthmus.azure.client import Client
    from isthmus.config import read_platform

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_DEVOPS_URL", empty.organization_url)
        provision.apply(read_platform(CHECKOUT / "platform.yaml"), folders, token=empty.token("admin"))
    client = Client(empty.organization_url, "weather", empty.token("admin"))
    run = runs.queue(client, f"{MODEL}-deploy", {"modelPackageArn": f"{GROUP_ARN}/1"})
    until(lambda: empty.person("robin").ask("GET", "/weather/_apis/pipelines/approvals?state=pending").json(),
          lambda found: found["count"] > 0)  # fmt: skip
    assert run.id
    return empty


def _roles(aws: Aws) -> None:
    allowed = [{"Effect": "Allow", "Action": ANYTHING, "Resource": "*"}]
    person = {"AWS": f"arn:aws:iam::{AUTOMATION}:root"}
    for account in (AUTOMATION, STAGING, PROD):
        _role(aws, account, "isthmus-operator", person, allowed)
    _role(aws, AUTOMATION, "isthmus-approver", person, allowed)
    _role(aws, PROD, "isthmus-data", person, allowed)
    _role(aws, PROD, "isthmus-model", {"Service": "sagemaker.amazonaws.com"}, allowed)


def _role(
    aws: Aws, account: str, name: str, principal: dict[str, str], allowed: list[dict[str, Any]]
) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    iam = aws.client("iam", account)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"} | trust))
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)


def _registry(aws: Aws) -> None:
    """Version 1 runs in prod, versions 2 and 3 wait for an approver."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=MODEL)
    everyone = {"AWS": [f"arn:aws:iam::{account}:root" for account in (STAGING, PROD)]}
    may_read = {
        "Effect": "Allow",
        "Principal": everyone,
        "Action": "sagemaker:*",
        "Resource": f"{GROUP_ARN}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_read]})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=MODEL, ResourcePolicy=policy)
    evaluation = json.dumps({"features": ["a", "b"], "classes": [0, 1]}).encode()
    aws.client("s3").put_object(Bucket=BUCKET, Key="evaluate/evaluation/evaluation.json", Body=evaluation)
    for number in (1, 2, 3):
        register(aws, value=0.7 + number / 100, run_id=str(40 + number), compared=number == 3)
    sagemaker.update_model_package(ModelPackageArn=f"{GROUP_ARN}/1", ModelApprovalStatus="Approved")
    sagemaker.update_model_package(
        ModelPackageArn=f"{GROUP_ARN}/1",
        CustomerMetadataProperties={
            "approved_by": "ada",
            "approved_at": "2026-11-20T10:00:30+00:00",
            "prod_run_id": "51",
            "prod_endpoint": MODEL,
            "prod_endpoint_config": f"{MODEL}-c0ffee",
        },
        ModelLifeCycle={"Stage": "prod", "StageStatus": "InService"},
    )


COMPARED = {"champion": f"{GROUP_ARN}/1", "gain": "0.02", "gain_low": "0.01", "gain_high": "0.03", "n": "91"}


def register(aws: Aws, *, value: float, run_id: str, compared: bool = False, reason: str = "merge") -> str:
    """A version as the build registers it; returns its ARN."""
    answer = aws.client("sagemaker").create_model_package(
        ModelPackageGroupName=MODEL,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": aws.image, "ModelDataUrl": aws.model("rain")}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        MetadataProperties={"CommitId": "c0ffee", "GeneratedBy": "arn:execution"},
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": f"s3://{ARTIFACTS}/{MODEL}/runs/{run_id}/evaluation.json",
                }
            }
        },
        CustomerMetadataProperties={
            "commit": "c0ffee",
            "run_id": run_id,
            "data_version": "da7a",
            "correlation_id": "none",
            "reason": reason,
            "metric": "auc",
            "value": str(value),
            "ci_low": str(value - 0.05),
            "ci_high": str(value + 0.05),
            "threshold": "0.7",
            "evaluation_uri": f"s3://{BUCKET}/evaluate/evaluation",
            **(COMPARED if compared else dict.fromkeys(COMPARED, "none")),
        },
    )
    return str(answer["ModelPackageArn"])


def _endpoint(aws: Aws) -> None:
    s3, sagemaker = aws.client("s3", PROD), aws.client("sagemaker", PROD)
    placed = {"LocationConstraint": REGION}
    aws.client("s3").create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration=placed)
    for bucket in (CAPTURES, LABELS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=placed)
    reader = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}, "Action": "s3:*"}
    resources = {"Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [reader | resources]})
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    pull = [{"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]
    aws.client("ecr").set_repository_policy(
        repositoryName="isthmus/tabular", policyText=json.dumps({"Version": "2012-10-17", "Statement": pull})
    )
    sagemaker.create_model(
        ModelName="rain",
        ExecutionRoleArn=f"arn:aws:iam::{PROD}:role/isthmus-model",
        Containers=[{"ModelPackageName": f"{GROUP_ARN}/1"}],
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{MODEL}-c0ffee",
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": "rain", "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": 1}],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{CAPTURES}/captures/{MODEL}/{MODEL}-c0ffee",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )  # fmt: skip
    sagemaker.create_endpoint(EndpointName=MODEL, EndpointConfigName=f"{MODEL}-c0ffee")
    found = until(
        lambda: sagemaker.describe_endpoint(EndpointName=MODEL),
        lambda one: one["EndpointStatus"] != "Creating",
    )
    assert found["EndpointStatus"] == "InService", found["FailureReason"]
