"""Data landing on the local clouds: from a file in the landing bucket to a build that trained with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus import aws, names
from isthmus.azure import runs
from isthmus.config import Platform, read
from isthmus.local.scene import lay
from isthmus.local.world import World
from isthmus.operate import hops, lineage, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.devops import Said
from tests.furnished import furnished
from tests.local.aws.documents import allow, policy

EXPORTER = "station-export"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The example with landing switched on, deployed, provisioned and built once."""
    state = tmp_path_factory.mktemp("landing")
    scene = lay(state / "scene")
    content = yaml.safe_load(scene.platform_file.read_text())
    writer = names.role_arn(content["accounts"]["dev"], EXPORTER)
    content["models"][0]["landing"] = {"writers": [writer], "megabytes": 1}
    scene.platform_file.write_text(yaml.safe_dump(content, sort_keys=False))
    scene = dataclasses.replace(scene, platform=read(scene.platform_file, Platform))
    with furnished(scene, state) as found:
        with found.acting("admin"):
            found.succeeded(runs.queue(found.client(), names.build_pipeline(found.model.name)))
        yield found


def root(world: World, account: str, service: str) -> Any:
    """The root of another account, which administers the exporter."""
    number = getattr(world.platform.accounts, account)
    return world.local.root.client(service, number, world.platform.region)


@pytest.fixture(scope="module")
def exporter(world: World) -> Any:
    """S3 as the role of another account that may land files: by the model's writer role."""
    platform, dev = world.platform, world.platform.accounts.dev
    writer = names.role_arn(platform.accounts.automation, names.writer_role(platform, world.model.name))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{dev}:root"}}
    iam, sts = root(world, "dev", "iam"), root(world, "dev", "sts")
    iam.create_role(RoleName=EXPORTER, AssumeRolePolicyDocument=policy(trust))
    may = policy(allow("sts:AssumeRole", writer))
    iam.put_role_policy(RoleName=EXPORTER, PolicyName="land", PolicyDocument=may)
    own = sts.assume_role(RoleArn=names.role_arn(dev, EXPORTER), RoleSessionName="nightly")["Credentials"]
    lent = _client(world, "sts", own).assume_role(RoleArn=writer, RoleSessionName="nightly")["Credentials"]
    return _client(world, "s3", lent)


def _client(world: World, service: str, key: dict[str, str]) -> Any:
    return boto3.client(
        service,
        region_name=world.platform.region,
        endpoint_url=world.local.aws_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )


def rows(world: World) -> str:
    return world.scene.later.table.text(world.model).decode()


def builds(world: World) -> list[runs.Run]:
    return runs.every(world.client(), names.build_pipeline(world.model.name))


def test_files_that_land_are_trained_on_once_and_the_lineage_names_them(world: World, exporter: Any) -> None:
    s3, bucket = exporter, names.landing_bucket(world.platform)
    folder = f"incoming/{world.model.name}/2013-h1"
    with world.acting("dana"):
        before = {run.id for run in builds(world)}
        for name, body in (("rows.csv", rows(world)), ("rows.csv", rows(world)), ("_SUCCESS", "")):
            s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=body.encode())
        run = world.until(
            lambda: next((run for run in builds(world) if run.id not in before), None),
            "the bridge queues a build",
        )
        assert run.parameters["reason"] == "data"
        data_set = run.parameters["dataSet"]
        assert data_set.startswith("2013-h1@")
        world.ended(run)
        queued = [one for one in hops.read(_logs(world), world.platform) if one.hop == "queued"]
        assert [one.subject for one in queued] == [data_set]
        version = registry.find(world.sagemaker("automation"), world.model.name, None)
        found = lineage.of_version(Accounts(world.platform), world.model.name, None, Said())
    assert {run.id for run in builds_as(world)} - before == {run.id}
    assert version.number == 2
    assert (found.origin["data set that landed"], found.origin["built because of"]) == (data_set, "data")


def builds_as(world: World) -> list[runs.Run]:
    with world.acting("dana"):
        return builds(world)


def _logs(world: World) -> Any:
    return world.session("automation").client("logs")


def test_a_file_that_is_not_fit_starts_nothing_and_people_are_told_why(world: World, exporter: Any) -> None:
    s3, bucket = exporter, names.landing_bucket(world.platform)
    key = f"{world.model.name}/2013-h2/rows.csv"
    before = len(builds_as(world))
    for name, body in (("rows.csv", rows(world).replace("wind", "gusts", 1)), ("_SUCCESS", "")):
        s3.put_object(Bucket=bucket, Key=f"incoming/{world.model.name}/2013-h2/{name}", Body=body.encode())
    said = world.until(lambda: _read(s3, bucket, f"rejected/{key}.reason.json"), "the file is rejected")
    assert "there is no column wind" in said
    assert len(builds_as(world)) == before


def _read(s3: Any, bucket: str, key: str) -> str:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        return ""


def test_a_writer_lands_files_of_its_own_model_and_nothing_else(world: World, exporter: Any) -> None:
    platform = world.platform
    for bucket, key in (
        (names.landing_bucket(platform), "incoming/other/set/rows.csv"),
        (names.landing_bucket(platform), f"rejected/{world.model.name}/set/rows.csv"),
        (names.data_bucket(platform), f"{world.model.name}/landed/rows.csv"),
        (names.data_bucket(platform), f"{world.model.name}/schema.json"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            exporter.put_object(Bucket=bucket, Key=key, Body=b"")


def test_the_owner_of_data_lands_files_too(world: World) -> None:
    with world.acting("admin"):
        session = aws.session(
            world.platform.region, world.platform.accounts.automation, names.data_role(world.platform)
        )
        session.client("s3").put_object(
            Bucket=names.landing_bucket(world.platform),
            Key=f"incoming/{world.model.name}/drafts/_note",
            Body=b"",
        )
