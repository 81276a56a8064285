"""What crosses accounts: only where both sides allow it, with the key as well as the object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import AUTOMATION, PROD, REGION, Aws

BUCKET = "shared-across"
READER = f"arn:aws:iam::{PROD}:role/reader"
# As our own stacks name a role of another account, whether it exists yet or not.
FROM_READER = {
    "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"},
    "Condition": {"ArnEquals": {"aws:PrincipalArn": READER}},
}
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
ADMINISTERED = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{AUTOMATION}:root"})


@pytest.fixture(scope="module")
def key(aws: Aws) -> str:
    made = aws.client("kms", AUTOMATION).create_key(Policy=policy(ADMINISTERED))
    return made["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def reader(aws: Aws, key: str) -> Any:
    """S3 as a role of prod, with all the permissions that prod can give; the object is automation's."""
    s3 = aws.client("s3", AUTOMATION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [default]})
    s3.put_object(Bucket=BUCKET, Key="model", Body=b"weights")
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    anything = f"arn:aws:kms:{REGION}:{AUTOMATION}:key/*"
    make_role(
        aws,
        PROD,
        "reader",
        allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
        allow("kms:Decrypt", anything, Condition=through_s3),
        allow("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{AUTOMATION}:repository/shared"),
    )
    return aws.client("s3", PROD, aws.acting_as("reader", PROD))


def share_bucket(aws: Aws, *more: dict) -> None:
    statement = allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*", **FROM_READER)
    aws.client("s3", AUTOMATION).put_bucket_policy(Bucket=BUCKET, Policy=policy(statement, *more))


def share_key(aws: Aws, key: str) -> None:
    shared = policy(ADMINISTERED, allow("kms:Decrypt", "*", **FROM_READER))
    aws.client("kms", AUTOMATION).put_key_policy(KeyId=key, PolicyName="default", Policy=shared)


def test_an_object_needs_its_bucket_and_its_key_to_agree(aws: Aws, reader: Any, key: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.get_object(Bucket=BUCKET, Key="model")
    share_bucket(aws)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        reader.get_object(Bucket=BUCKET, Key="model")
    share_key(aws, key)
    assert reader.get_object(Bucket=BUCKET, Key="model")["Body"].read() == b"weights"


def test_another_role_of_the_same_account_is_refused(aws: Aws, reader: Any, key: str) -> None:
    share_bucket(aws)
    share_key(aws, key)
    make_role(aws, PROD, "curious", allow("*", "*"))
    curious = aws.client("s3", PROD, aws.acting_as("curious", PROD))
    with pytest.raises(ClientError, match="AccessDenied"):
        curious.get_object(Bucket=BUCKET, Key="model")


def test_the_loopback_counts_as_tls(aws: Aws, reader: Any, key: str) -> None:
    share_bucket(aws, TLS_ONLY)
    share_key(aws, key)
    assert reader.get_object(Bucket=BUCKET, Key="model")["Body"].read() == b"weights"


def test_writing_needs_the_key_as_well(aws: Aws, reader: Any) -> None:
    make_role(aws, AUTOMATION, "writer", allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*"))
    writer = aws.client("s3", AUTOMATION, aws.acting_as("writer", AUTOMATION))
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        writer.put_object(Bucket=BUCKET, Key="other", Body=b"")


def test_an_image_of_another_account_needs_its_repositorys_policy(aws: Aws, reader: Any) -> None:
    ecr = aws.client("ecr", AUTOMATION)
    ecr.create_repository(repositoryName="shared")
    manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
    ecr.put_image(repositoryName="shared", imageTag="1", imageManifest=manifest)
    there = aws.client("ecr", PROD, aws.acting_as("reader", PROD))
    asked = {"registryId": AUTOMATION, "repositoryName": "shared", "imageIds": [{"imageTag": "1"}]}
    for caller in (there, aws.client("ecr", PROD)):
        with pytest.raises(ClientError, match="AccessDenied"):
            caller.batch_get_image(**asked)
    statement = {"Effect": "Allow", "Action": "ecr:BatchGetImage", **FROM_READER}
    ecr.set_repository_policy(repositoryName="shared", policyText=policy(statement))
    assert there.batch_get_image(**asked)["images"][0]["registryId"] == AUTOMATION


def test_a_ciphertext_is_decrypted_where_its_key_is(aws: Aws, key: str) -> None:
    arn = make_role(aws, PROD, "decrypter", allow("kms:Decrypt", key))
    blob = aws.client("kms", AUTOMATION).encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    kms = aws.client("kms", PROD, aws.acting_as("decrypter", PROD))
    with pytest.raises(ClientError, match="AccessDenied"):
        kms.decrypt(CiphertextBlob=blob)
    shared = policy(ADMINISTERED, allow("kms:Decrypt", "*", Principal={"AWS": arn}))
    aws.client("kms", AUTOMATION).put_key_policy(KeyId=key, PolicyName="default", Policy=shared)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_parameters_are_asked_for_one_by_one(aws: Aws) -> None:
    ssm, arn = aws.client("ssm", PROD), f"arn:aws:ssm:{REGION}:{PROD}:parameter"
    for name in ("/told/a", "/told/b", "/kept/a"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    asked = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    make_role(aws, PROD, "told", allow(asked, [f"{arn}/told", f"{arn}/told/*"]))
    told = aws.client("ssm", PROD, aws.acting_as("told", PROD))
    found = told.get_parameters(Names=["/told/a", "/told/b"])["Parameters"]
    assert [one["Value"] for one in found] == ["/told/a", "/told/b"]
    assert len(told.get_parameters_by_path(Path="/told")["Parameters"]) == 2
    for refused in (
        lambda: told.get_parameters(Names=["/told/a", "/kept/a"]),
        lambda: told.get_parameters_by_path(Path="/kept"),
    ):
        with pytest.raises(ClientError, match=r"not authorized.*parameter/kept"):
            refused()


def test_a_key_can_be_shared_for_one_bucket_alone(aws: Aws, reader: Any, key: str) -> None:
    """S3 says which bucket it uses a key for: as the bucket, since a key is kept for all of its objects."""
    share_bucket(aws)
    for bucket in ("another", BUCKET):
        only = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"}}
        condition = {"Condition": {**FROM_READER["Condition"], **only}}
        statement = allow("kms:Decrypt", "*", **{**FROM_READER, **condition})
        shared = policy(ADMINISTERED, statement)
        aws.client("kms", AUTOMATION).put_key_policy(KeyId=key, PolicyName="default", Policy=shared)
        if bucket == BUCKET:
            assert reader.get_object(Bucket=BUCKET, Key="model")["Body"].read() == b"weights"
        else:
            with pytest.raises(ClientError, match="kms:Decrypt"):
                reader.get_object(Bucket=BUCKET, Key="model")


def test_each_log_group_that_is_searched_must_be_allowed(aws: Aws) -> None:
    logs = aws.client("logs", PROD)
    for group in ("asked", "others"):
        logs.create_log_group(logGroupName=group)
    asked = f"arn:aws:logs:{REGION}:{PROD}:log-group:asked"
    make_role(aws, PROD, "searcher", allow(["logs:StartQuery", "logs:GetQueryResults"], asked))
    searcher = aws.client("logs", PROD, aws.acting_as("searcher", PROD))
    when = {"queryString": "fields @message", "startTime": 0, "endTime": 1}
    query = searcher.start_query(logGroupNames=["asked"], **when)["queryId"]
    assert searcher.get_query_results(queryId=query)["status"] == "Complete"
    with pytest.raises(ClientError, match="AccessDenied"):
        searcher.start_query(logGroupNames=["asked", "others"], **when)
    other = logs.start_query(logGroupNames=["others"], **when)["queryId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        searcher.get_query_results(queryId=other)


def test_who_may_send_a_message_may_send_ten_and_no_more_than_send(aws: Aws) -> None:
    queue = aws.client("sqs", AUTOMATION).create_queue(QueueName="batches")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:batches"
    make_role(aws, AUTOMATION, "sender", allow("sqs:SendMessage", arn))
    sender = aws.client("sqs", AUTOMATION, aws.acting_as("sender", AUTOMATION))
    entries = [{"Id": str(number), "MessageBody": "one"} for number in range(10)]
    assert len(sender.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
    with pytest.raises(ClientError, match="DeleteMessage"):
        sender.delete_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "ReceiptHandle": "x"}])
