"""A repository to build in, and a local AWS with what the automation account's stack makes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from isthmus import lifeline, names
from isthmus.config import Platform, read_platform

CHECKOUT = Path(__file__).parents[2]
MODEL = "seattle-rain"
MAY = ["ec2:*", "s3:*", "ecr:*", "kms:*", "logs:*", "sagemaker:*", "iam:PassRole"]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of definitions for the session, because defining takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTHMUS_CACHE", str(cache))
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(CHECKOUT / "platform.yaml"))
    monkeypatch.delenv("AZURE_DEVOPS_URL", raising=False)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example to work in; the current folder."""
    folder = tmp_path / "repository"
    hidden = shutil.ignore_patterns("__pycache__", ".*", "tests")
    shutil.copytree(CHECKOUT / "model-build", folder, ignore=hidden)
    monkeypatch.chdir(folder)
    return folder


Edit = Callable[..., None]


@pytest.fixture
def edit(repository: Path) -> Edit:
    """Replace a text in one of the repository's files."""

    def replace(file: str, old: str, new: str) -> None:
        text = (repository / file).read_text()
        assert old in text
        (repository / file).write_text(text.replace(old, new))

    return replace


@pytest.fixture
def defined(environment: None) -> str:
    """The example's definition: what jobs read at run time may be edited without defining again."""
    from isthmus.build.definition import define

    return define(CHECKOUT / "model-build")


@pytest.fixture(scope="session")
def platform() -> Platform:
    return read_platform(CHECKOUT / "platform.yaml")


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("aws")
    accounts = platform.accounts.model_dump(exclude_none=True)
    settings = {"accounts": accounts, "region": platform.region, "platform": platform.name, "issuers": {}}
    (folder / "config.json").write_text(json.dumps(settings | {"environment": {}, "root_secret": "test"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "isthmus.local.aws", "--port", str(port), "--state", str(folder / "state")]
    with (folder / "log").open("wb") as log:
        server = lifeline.spawn(
            [*argv, "--config", str(folder / "config.json")], stdout=subprocess.PIPE, stderr=log
        )
    assert server.stdout is not None
    ready = server.stdout.readline().decode()
    assert ready.startswith("ready "), (folder / "log").read_text()
    yield ready.split()[1]
    lifeline.stop(server, 20)


@pytest.fixture
def aws(aws_url: str, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Clients of the automation account; the environment leads there as well."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", platform.accounts.automation)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(service, region_name=platform.region)

    return client


@pytest.fixture
def furnished(aws: Callable[[str], Any], platform: Platform) -> Callable[[str], Any]:
    """Buckets, key, image, group and role, as the automation account's stack makes them."""
    existing = {one["Name"] for one in aws("s3").list_buckets()["Buckets"]}
    if names.data_bucket(platform) in existing:
        return aws
    for bucket in (names.artifact_bucket(platform), names.data_bucket(platform)):
        where = {"LocationConstraint": platform.region}
        aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    key = aws("kms").create_key()["KeyMetadata"]
    aws("ssm").put_parameter(Name=names.data_key_parameter(platform), Value=key["Arn"], Type="String")
    aws("ecr").create_repository(repositoryName=names.IMAGE_REPOSITORY)
    manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
    aws("ecr").put_image(repositoryName=names.IMAGE_REPOSITORY, imageTag="1", imageManifest=manifest)
    aws("sagemaker").create_model_package_group(ModelPackageGroupName=names.registry_group(MODEL))
    role = names.pipeline_role(platform, MODEL)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    may = {"Effect": "Allow", "Action": MAY, "Resource": "*"}
    aws("iam").create_role(RoleName=role, AssumeRolePolicyDocument=_policy(trust))
    aws("iam").put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=_policy(may))
    return aws


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
