"""Deleting what stacks retain because it holds data: buckets, images, logs, keys, versions of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from isthmus.infra.destroy.step import Client, gone_is_good

# The fewest days that KMS lets pass before a key is gone; until then it costs nothing and can be saved.
KEY_DAYS = 7


@dataclass(frozen=True)
class DeleteBucket:
    """With every version of every object in it."""

    name: str

    @property
    def summary(self) -> str:
        return f"- bucket {self.name}, with all versions of all that is in it"

    def carry_out(self, client: Client) -> None:
        s3 = client("s3")
        with gone_is_good():
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if objects:
                    s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
            s3.delete_bucket(Bucket=self.name)


@dataclass(frozen=True)
class DeleteRepository:
    name: str

    @property
    def summary(self) -> str:
        return f"- image repository {self.name}, with all images"

    def carry_out(self, client: Client) -> None:
        with gone_is_good():
            client("ecr").delete_repository(repositoryName=self.name, force=True)


@dataclass(frozen=True)
class DeleteLogGroup:
    name: str

    @property
    def summary(self) -> str:
        return f"- log group {self.name}"

    def carry_out(self, client: Client) -> None:
        with gone_is_good():
            client("logs").delete_log_group(logGroupName=self.name)


@dataclass(frozen=True)
class DeleteKey:
    id: str

    @property
    def summary(self) -> str:
        return f"- KMS key {self.id}: gone in {KEY_DAYS} days, and with it whatever was encrypted with it"

    def carry_out(self, client: Client) -> None:
        client("kms").schedule_key_deletion(KeyId=self.id, PendingWindowInDays=KEY_DAYS)


@dataclass(frozen=True)
class DeleteVersions:
    """A model package group with versions in it cannot be deleted."""

    group: str

    @property
    def summary(self) -> str:
        return f"- model versions of {self.group}, in the registry"

    def carry_out(self, client: Client) -> None:
        sagemaker = client("sagemaker")
        with gone_is_good():
            pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.group)
            versions = [one["ModelPackageArn"] for page in pages for one in page["ModelPackageSummaryList"]]
            for arn in versions:
                sagemaker.delete_model_package(ModelPackageName=arn)


@dataclass(frozen=True)
class DeletePipeline:
    name: str

    @property
    def summary(self) -> str:
        return f"- SageMaker pipeline {self.name}"

    def carry_out(self, client: Client) -> None:
        with gone_is_good():
            client("sagemaker").delete_pipeline(PipelineName=self.name)


# ---------------------------------------------------------------- what there is


def buckets(client: Client, platform: str, ending: str) -> Iterator[DeleteBucket]:
    """The platform's buckets in the account, all of whose names end in account and region."""
    for bucket in client("s3").list_buckets()["Buckets"]:
        if bucket["Name"].startswith(f"{platform}-") and bucket["Name"].endswith(ending):
            yield DeleteBucket(bucket["Name"])


def repositories(client: Client, platform: str) -> Iterator[DeleteRepository]:
    """The repositories that are tagged as the platform's."""
    ecr = client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for one in page["repositories"]:
            tags = ecr.list_tags_for_resource(resourceArn=one["repositoryArn"])["tags"]
            if {"Key": "platform", "Value": platform} in tags:
                yield DeleteRepository(one["repositoryName"])


def log_groups(client: Client, prefixes: tuple[str, ...]) -> Iterator[DeleteLogGroup]:
    for prefix in prefixes:
        pages = client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for page in pages:
            yield from (DeleteLogGroup(one["logGroupName"]) for one in page["logGroups"])


def keys(client: Client, platform: str) -> Iterator[DeleteKey]:
    """The keys that are tagged as the platform's and are not on their way out."""
    kms = client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for one in page["Keys"]:
            described = kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]
            if described["KeyManager"] != "CUSTOMER" or described["KeyState"] == "PendingDeletion":
                continue
            tags = kms.list_resource_tags(KeyId=one["KeyId"])["Tags"]
            if {"TagKey": "platform", "TagValue": platform} in tags:
                yield DeleteKey(one["KeyId"])
