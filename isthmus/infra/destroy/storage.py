"""Deleting what stacks retain because it holds data: buckets, images, logs, keys, versions of models."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.errors import Problem
from isthmus.infra.administrator import Client
from isthmus.infra.destroy.step import gone_is_good

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
        """Raises `Problem` where something is still written to it: logs and captures come late."""
        s3 = client("s3")
        with gone_is_good():
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if objects:
                    s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
            try:
                s3.delete_bucket(Bucket=self.name)
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "BucketNotEmpty":
                    raise
                what = f"bucket {self.name} is not empty: something was written to it meanwhile"
                raise Problem(what, todo="run the same again") from None


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
    what: str

    @property
    def summary(self) -> str:
        what = f"gone in {KEY_DAYS} days, and with it whatever was encrypted with it"
        return f"- KMS key {self.id} ({self.what}): {what}"

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
