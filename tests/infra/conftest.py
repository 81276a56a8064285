"""A local AWS with four bootstrapped accounts, and the checkout's assembly deployed to it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from isthmus import lifeline
from isthmus.config import Platform, read_platform
from isthmus.infra import assembly as assemblies
from isthmus.local.aws.bootstrap import LAPTOP, bootstrap_all, laptop_user
from tests.cdk.conftest import assembly, full, platform, templates
from tests.infra.lab import lab
from tests.local.conftest import AUTOMATION, REGION, Aws, Issuer, free_port, issuer, programs, start_aws

__all__ = ["assembly", "full", "issuer", "lab", "platform", "programs", "templates"]


@dataclass(frozen=True)
class Cloud:
    """The deployed platform: how long it took, what was said, and ways in."""

    aws: Aws
    laptop: dict[str, str]
    seconds: float
    said: list[str]

    def administrator(self) -> boto3.Session:
        return boto3.Session(
            self.laptop["AWS_ACCESS_KEY_ID"], self.laptop["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )

    def person(self, account: str, role: str) -> dict[str, str]:
        """Credentials of a role that a person takes from the automation account."""
        sts = self.administrator().client("sts")
        arn = f"arn:aws:iam::{account}:role/{role}"
        return sts.assume_role(RoleArn=arn, RoleSessionName=LAPTOP)["Credentials"]

    def connection(
        self, account: str, role: str, subject: str, audience: str, **claims: object
    ) -> dict[str, str]:
        """Credentials of a role that a pipeline enters with a service connection's token."""
        return self.enter(account, role, self.aws.azure.token(subject, audience, **claims))

    def enter(self, account: str, role: str, token: str) -> dict[str, str]:
        """Credentials of a role for a web identity token."""
        sts = boto3.client("sts", region_name=REGION, config=Config(signature_version=UNSIGNED))
        return sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{account}:role/{role}",
            RoleSessionName="azure-run-7",
            WebIdentityToken=token,
        )["Credentials"]

    def client(self, service: str, credentials: dict[str, str]) -> Any:
        return self.aws.client(service, "", credentials)


@contextmanager
def deployed(
    state: Path,
    issuer: tuple[Issuer, str],
    platform_file: Path,
    assembly: Path,
    *,
    environment: dict[str, str] | None = None,
    believed: dict[str, str] | None = None,
) -> Iterator[Cloud]:
    """The accounts of a platform.yaml in an AWS of their own, where product code finds them meanwhile.

    What runs there has the programs of this environment, and `environment`; so has product code.
    """
    port, more = free_port(), environment or {}
    path = f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
    process = start_aws(state, issuer[1], port, {"PATH": path, **more}, believed)
    aws = Aws(f"http://127.0.0.1:{port}", REGION, issuer[0])
    bootstrap_all(aws.root, read_platform(platform_file))
    cloud = Cloud(aws, laptop_user(aws.root, REGION, AUTOMATION), 0.0, [])
    where = {"AWS_ENDPOINT_URL": aws.url, "AWS_DEFAULT_REGION": REGION}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**where, "ISTHMUS_PLATFORM": str(platform_file), **more}.items():
            patch.setenv(name, value)
        assemblies.deploy(cloud.administrator(), assembly)
        yield cloud
    lifeline.stop(process)


@pytest.fixture(scope="session")
def empty_cloud(
    tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str], platform: Platform
) -> Iterator[tuple[Aws, dict[str, str]]]:
    """Accounts that are bootstrapped and hold nothing else, and the laptop's access key."""
    one, jwks = issuer
    port = free_port()
    process = start_aws(tmp_path_factory.mktemp("aws"), jwks, port)
    aws = Aws(f"http://127.0.0.1:{port}", REGION, one)
    bootstrap_all(aws.root, platform)
    yield aws, laptop_user(aws.root, REGION, AUTOMATION)
    lifeline.stop(process)


@pytest.fixture(autouse=True)
def environment(empty_cloud: tuple[Aws, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Product code finds AWS where the environment says it is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", empty_cloud[0].url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture(scope="session")
def cloud(empty_cloud: tuple[Aws, dict[str, str]], assembly: Path, platform: Platform) -> Cloud:
    aws, laptop = empty_cloud
    said: list[str] = []
    started = time.perf_counter()
    session = boto3.Session(laptop["AWS_ACCESS_KEY_ID"], laptop["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        assemblies.deploy(session, assembly, say=said.append)
    return Cloud(aws, laptop, time.perf_counter() - started, said)
