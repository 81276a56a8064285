"""A platform with everything that can be asked for, deployed to a local AWS of its own; and ways in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from isthmus import lifeline, names
from isthmus.config import Platform, read_platform
from isthmus.infra import assembly as assemblies
from isthmus.local.aws.bootstrap import bootstrap_all, laptop_user
from tests.cdk.conftest import FULL
from tests.local.conftest import ACCOUNTS, AUTOMATION, REGION, Aws, Issuer, free_port, start_aws

DEV, STAGING, PROD = ACCOUNTS["dev"], ACCOUNTS["staging"], ACCOUNTS["prod"]


@dataclass(frozen=True)
class Lab:
    """The full platform's four accounts with workloads, and the one person who administers automation."""

    aws: Aws
    platform: Platform
    laptop: boto3.Session

    def scientist(self, name: str = "ada", team: str = "weather") -> dict[str, str]:
        """What a scientist has who takes her team's role from the automation account."""
        return self.person(DEV, names.scientist_role(self.platform, team), SourceIdentity=name)

    def person(self, account: str, role: str, **more: str) -> dict[str, str]:
        """What the user `laptop` of the automation account has who takes a role, under his own name."""
        arn, name = names.role_arn(account, role), more.get("SourceIdentity", "laptop")
        answer = self.laptop.client("sts", region_name=REGION, endpoint_url=self.aws.url).assume_role(
            RoleArn=arn, RoleSessionName=name, **more
        )
        return answer["Credentials"]

    def client(self, service: str, credentials: dict[str, str] | None = None, account: str = DEV) -> Any:
        return self.aws.client(service, account, credentials)

    @property
    def domain(self) -> str:
        (one,) = self.client("sagemaker").list_domains()["Domains"]
        return one["DomainId"]


@pytest.fixture(scope="session")
def lab(
    tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str], programs: str, full: Path
) -> Iterator[Lab]:
    one, jwks = issuer
    port = free_port()
    process = start_aws(tmp_path_factory.mktemp("lab"), jwks, port, {"PATH": programs})
    aws = Aws(f"http://127.0.0.1:{port}", REGION, one)
    platform = read_platform(FULL)
    bootstrap_all(aws.root, platform)
    user = laptop_user(aws.root, REGION, AUTOMATION)
    laptop = boto3.Session(user["AWS_ACCESS_KEY_ID"], user["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        assemblies.deploy(laptop, full, accounts=[DEV, AUTOMATION, STAGING, PROD])
    yield Lab(aws, platform, laptop)
    lifeline.stop(process)
