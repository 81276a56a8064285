"""Only who holds a secret that this AWS gave may act, whichever service is asked."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role
from tests.local.conftest import AUTOMATION, REGION, ROOT_SECRET, Aws

BUCKET = "signatures-bucket"
ASKED = {
    "apigateway": ("get_rest_apis", {}),
    "apigatewayv2": ("get_apis", {}),
    "budgets": ("describe_budgets", {"AccountId": AUTOMATION}),
    "cloudformation": ("list_stacks", {}),
    "cloudwatch": ("list_metrics", {}),
    "dynamodb": ("list_tables", {}),
    "ec2": ("describe_vpcs", {}),
    "ecr": ("describe_repositories", {}),
    "emr-serverless": ("list_applications", {}),
    "events": ("list_event_buses", {}),
    "iam": ("list_users", {}),
    "kms": ("list_keys", {}),
    "lambda": ("list_functions", {}),
    "logs": ("describe_log_groups", {}),
    "organizations": ("list_accounts", {}),
    "s3": ("list_buckets", {}),
    "sagemaker": ("list_models", {}),
    "sagemaker-runtime": ("invoke_endpoint", {"EndpointName": "one", "Body": b""}),
    "scheduler": ("list_schedules", {}),
    "secretsmanager": ("list_secrets", {}),
    "sns": ("list_topics", {}),
    "sqs": ("list_queues", {}),
    "ssm": ("describe_parameters", {}),
    "sts": ("get_caller_identity", {}),
    "wafv2": ("list_web_acls", {"Scope": "REGIONAL"}),
}
REFUSALS = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# EC2 misses the key as a parameter; a signature's scope is all that leads to some services.
UNSIGNED_REFUSALS = {"MissingParameter", "403", "404", "405"}
FORGERIES = ("root", "another account's root", "root by another name", "user", "session", "nobody")


@pytest.fixture(scope="module")
def keys(aws: Aws) -> dict[str, Any]:
    """What each forger signs with; None for nothing."""
    iam = aws.client("iam", AUTOMATION)
    iam.create_user(UserName="forged")
    user = iam.create_access_key(UserName="forged")["AccessKey"]["AccessKeyId"]
    make_role(aws, AUTOMATION, "forged", allow("*", "*"))
    session = aws.acting_as("forged", AUTOMATION)
    forgers = {
        "root": (AUTOMATION, "guessed"),
        "another account's root": ("999988887777", "guessed"),
        "root by another name": ("test", "guessed"),
        "user": (user, "guessed"),
        "session": (session["AccessKeyId"], "guessed", session["SessionToken"]),
        "nobody": None,
    }
    assert tuple(forgers) == FORGERIES
    aws.client("s3", AUTOMATION).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return forgers


def client(aws: Aws, service: str, key: tuple[str, ...] | None) -> Any:
    once = Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED if key is None else None)
    session: Any = boto3.Session(*(key or ()), region_name=REGION)
    return session.client(service, endpoint_url=aws.url, config=once)


@pytest.mark.parametrize("forger", FORGERIES)
def test_who_does_not_hold_the_secret_is_refused_by_every_service(
    aws: Aws, keys: dict[str, Any], forger: str
) -> None:
    key = keys[forger]
    for service, (operation, arguments) in ASKED.items():
        with pytest.raises(ClientError) as caught:
            getattr(client(aws, service, key), operation)(**arguments)
        assert caught.value.response["Error"]["Code"] in REFUSALS | (UNSIGNED_REFUSALS if not key else set())


@pytest.mark.parametrize("forger", [one for one in FORGERIES if one != "nobody"])
@pytest.mark.parametrize(("service", "operation"), [("s3", "list_buckets"), ("sts", "get_caller_identity")])
def test_a_forged_url_is_refused(
    aws: Aws, keys: dict[str, Any], forger: str, service: str, operation: str
) -> None:
    url = client(aws, service, keys[forger]).generate_presigned_url(operation, HttpMethod="GET")
    assert requests.get(url, timeout=60).status_code == 403


def test_nobody_makes_reads_or_writes_a_bucket(aws: Aws, keys: dict[str, Any]) -> None:
    s3 = client(aws, "s3", None)
    for ask in (
        lambda: s3.create_bucket(Bucket="made-by-nobody"),
        lambda: s3.list_objects_v2(Bucket=BUCKET),
        lambda: s3.put_object(Bucket=BUCKET, Key="one", Body=b""),
        lambda: s3.get_object(Bucket=BUCKET, Key="one"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            ask()


def test_root_signs_with_its_secret(aws: Aws) -> None:
    root = (AUTOMATION, ROOT_SECRET)
    arn = client(aws, "sts", root).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{AUTOMATION}:root"
    for service, operation in (("s3", "list_buckets"), ("sts", "get_caller_identity")):
        url = client(aws, service, root).generate_presigned_url(operation, HttpMethod="GET")
        assert requests.get(url, timeout=60).status_code == 200


def send(aws: Aws, *, body: bytes, sent: bytes, declared: str | None = None, **unsigned: str) -> int:
    """How SQS answers a request whose `body` was signed and in whose place `sent` arrives."""
    target = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}
    digest = {"X-Amz-Content-SHA256": declared} if declared else {}
    request = AWSRequest("POST", f"{aws.url}/", headers=target | digest, data=body)
    SigV4Auth(Credentials(AUTOMATION, ROOT_SECRET), "sqs", REGION).add_auth(request)
    headers = dict(request.headers.items()) | {key.replace("_", "-"): text for key, text in unsigned.items()}
    return requests.post(f"{aws.url}/", data=sent, headers=headers, timeout=60).status_code


def test_a_request_is_as_it_was_signed(aws: Aws) -> None:
    body, other = b'{"QueueName": "signed"}', b'{"QueueName": "altered"}'
    digest = hashlib.sha256(body).hexdigest()
    for declared in (None, digest):
        assert send(aws, body=body, sent=body, declared=declared) == 200
        assert send(aws, body=body, sent=other, declared=declared) in (400, 403)
    for declared in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        assert send(aws, body=body, sent=body, declared=declared) in (400, 403)
    assert send(aws, body=body, sent=body, X_Amz_Meta="added") in (400, 403)
    queues = aws.client("sqs", AUTOMATION).list_queues(QueueNamePrefix="altered")
    assert not queues.get("QueueUrls")


def test_an_upload_is_taken_however_s3_lets_it_be_signed(aws: Aws, keys: dict[str, Any]) -> None:
    """Hashed, in a stream with a checksum behind it, and not at all."""
    for signed in (True, False):
        config = Config(s3={"payload_signing_enabled": signed})
        s3 = boto3.Session(AUTOMATION, ROOT_SECRET, region_name=REGION).client(
            "s3", endpoint_url=aws.url, config=config
        )
        s3.put_object(Bucket=BUCKET, Key="hashed", Body=b"x" * 100_000, Metadata={"a": "b"})
        s3.upload_fileobj(io.BytesIO(b"x" * 9_000_000), BUCKET, "parts")
        assert s3.get_object(Bucket=BUCKET, Key="hashed")["Metadata"] == {"a": "b"}


def test_the_keys_of_a_function_cannot_be_derived_from_its_name(aws: Aws) -> None:
    """As ministack makes them: anybody who knows the names of function and role would be the function."""
    role = f"arn:aws:iam::{AUTOMATION}:role/forged"
    function = f"arn:aws:lambda:{REGION}:{AUTOMATION}:function:forged"
    digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
    secret, token = (hashlib.sha256(f"{what}:{digest}".encode()).hexdigest() for what in ("secret", "token"))
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(aws, "sts", (f"ASIA{digest[:16].upper()}", secret, token)).get_caller_identity()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "reset"), ("POST", "config"), ("GET", "sqs/messages"), ("GET", "lambda-code/forged")],
)
def test_what_is_not_of_aws_has_no_path(aws: Aws, method: str, path: str) -> None:
    answer = requests.request(method, f"{aws.url}/_ministack/{path}", timeout=60)
    assert (answer.status_code, "no such path" in answer.text) == (404, True)
