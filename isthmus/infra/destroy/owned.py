"""What in an account is the platform's, beside its stacks: what they retain, by the tag `platform`.

A name that begins with the platform's tells nothing: it may be another platform's, whose name is longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from isthmus.infra.administrator import Client
from isthmus.infra.destroy.storage import DeleteBucket, DeleteKey, DeleteLogGroup, DeleteRepository

# Where no stack made a log group of jobs first, AWS makes it, without a tag: it goes with the platform.
UNTAGGED = ("/aws/sagemaker/", "/aws-glue/sessions/")


def is_tagged(tags: Iterable[Mapping[str, str]], platform: str) -> bool:
    """Whether tags, as most services list them, say that something is the platform's."""
    return platform_of(tags) == platform


def platform_of(tags: Iterable[Mapping[str, str]]) -> str:
    """Whose something is by its tags; empty where they do not say."""
    return next((tag["Value"] for tag in tags if tag["Key"] == "platform"), "")


def buckets(client: Client, platform: str) -> Iterator[DeleteBucket]:
    """The platform's, those first whose reading and writing others log."""
    s3 = client("s3")
    found = [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith(f"{platform}-")]
    for name in sorted(found, key=lambda one: one.startswith(f"{platform}-logs-")):
        try:
            tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchTagSet":
                raise
            tags = []
        if is_tagged(tags, platform):
            yield DeleteBucket(name)


def repositories(client: Client, platform: str) -> Iterator[DeleteRepository]:
    ecr = client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for one in page["repositories"]:
            if is_tagged(ecr.list_tags_for_resource(resourceArn=one["repositoryArn"])["tags"], platform):
                yield DeleteRepository(one["repositoryName"])


def log_groups(client: Client, platform: str) -> Iterator[DeleteLogGroup]:
    """The platform's, and those of SageMaker's and Glue's jobs that have no tag to tell by."""
    logs = client("logs")
    for group in _groups(logs):
        name, arn = group["logGroupName"], group["arn"].removesuffix(":*")
        tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
        if tags.get("platform", platform if name.startswith(UNTAGGED) else "") == platform:
            yield DeleteLogGroup(name)


def serving_log_groups(client: Client, name: str) -> Iterator[DeleteLogGroup]:
    """That of an endpoint or an inference component, where it ever logged."""
    found = _groups(client("logs"), logGroupNamePrefix=name)
    yield from (DeleteLogGroup(name) for one in found if one["logGroupName"] == name)


def _groups(logs: Any, **which: str) -> Iterator[dict[str, Any]]:
    for page in logs.get_paginator("describe_log_groups").paginate(**which):
        yield from page["logGroups"]


def keys(client: Client, platform: str) -> Iterator[DeleteKey]:
    """The platform's that are not on their way out."""
    kms = client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for one in page["Keys"]:
            described = kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]
            if described["KeyManager"] != "CUSTOMER" or described["KeyState"] == "PendingDeletion":
                continue
            tags = kms.list_resource_tags(KeyId=one["KeyId"])["Tags"]
            if {"TagKey": "platform", "TagValue": platform} in tags:
                yield DeleteKey(one["KeyId"], described.get("Description", ""))
