"""AWS's own `cdk` agrees: it synthesizes the same, and deploys and destroys as we do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from isthmus import lifeline, names
from isthmus.cli import isthmus
from isthmus.config import WORKLOADS, Platform
from isthmus.config.stages import ACCESS_ROLE
from isthmus.infra.manifest import read_stacks
from isthmus.local.aws.bootstrap import bootstrap_all, laptop_user
from tests.cdk.conftest import CHECKOUT
from tests.infra.conftest import Cloud
from tests.infra.everything import left
from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import ACCOUNTS, AUTOMATION, REGION, Aws, Issuer, free_port, start_aws

CDK = CHECKOUT / "node_modules" / ".bin" / "cdk"
pytestmark = pytest.mark.skipif(
    not CDK.exists(), reason="the cdk command line is not installed: make install"
)


def cdk(environment: dict[str, str], home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    more = {"CI": "1", "CDK_VALIDATION": "false", "HOME": str(home)}
    return subprocess.run(
        [str(CDK), *words, "--no-color"],
        cwd=CHECKOUT,
        env=os.environ | environment | more | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_cdk_command_line_finds_no_change(cloud: Cloud, tmp_path: Path) -> None:
    words = ("deploy", "--all", "--require-approval", "never", "--output", str(tmp_path))
    done = cdk(cloud.laptop, tmp_path, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (done.stdout + done.stderr).count("(no changes)") == len(read_stacks(tmp_path))


@dataclass(frozen=True)
class Empty:
    """Accounts that are bootstrapped, and the environment of who administers all of them."""

    aws: Aws
    environment: dict[str, str]

    def run(self, *words: str) -> None:
        done = CliRunner(env=self.environment).invoke(isthmus, list(words))
        assert done.exit_code == 0, done.exception or done.output

    def left_anywhere(self) -> set[str]:
        return {one for account in ACCOUNTS.values() for one in self._left(account)} - {"laptop"}

    def _left(self, account: str) -> set[str]:
        """What is there beside the bootstrap."""
        kinds = ("cfn-exec", "deploy", "file-publishing", "lookup")
        bootstrap = {names.bootstrap_role(account, REGION, kind) for kind in kinds}
        bootstrap |= {f"/cdk-bootstrap/{names.BOOTSTRAP}/{noun}" for noun in ("boundary", "version")}
        bootstrap |= {"CDKToolkit", names.asset_bucket(account, REGION), ACCESS_ROLE}
        return left(self.aws, account) - bootstrap


@pytest.fixture
def accounts(tmp_path: Path, platform: Platform) -> Iterator[Empty]:
    port = free_port()
    process = start_aws(tmp_path / "aws", "http://127.0.0.1:9/jwks", port)
    aws = Aws(f"http://127.0.0.1:{port}", REGION, Issuer())
    bootstrap_all(aws.root, platform)
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": AUTOMATION}})
    for account in ACCOUNTS.values():
        make_role(aws, account, ACCESS_ROLE, allow("*", "*"))
        aws.client("iam", account).update_assume_role_policy(RoleName=ACCESS_ROLE, PolicyDocument=trust)
    where = {"AWS_ENDPOINT_URL": aws.url, "ISTHMUS_PLATFORM": str(CHECKOUT / "platform.yaml")}
    yield Empty(aws, laptop_user(aws.root, REGION, AUTOMATION) | where)
    lifeline.stop(process)


def test_accounts_are_deployed_and_destroyed_twice_the_second_time_by_cdk(
    accounts: Empty, assembly: Path, platform: Platform, tmp_path: Path
) -> None:
    accounts.run("infra", "deploy", "--assembly", str(assembly))
    accounts.run("destroy", *WORKLOADS, "--confirm", "isthmus")
    assert accounts.left_anywhere() == set()

    app = ("--all", "--app", str(assembly))
    again = cdk(
        accounts.environment, tmp_path, "deploy", *app, "--require-approval", "never", "--concurrency", "4"
    )
    assert again.returncode == 0, again.stderr[-2000:]
    protected = cdk(accounts.environment, tmp_path, "destroy", *app, "--force")
    assert protected.returncode == 1 and "TerminationProtection" in protected.stdout + protected.stderr
    for stack in read_stacks(assembly):
        accounts.aws.client("cloudformation", stack.account).update_termination_protection(
            StackName=stack.name, EnableTerminationProtection=False
        )
    done = cdk(accounts.environment, tmp_path, "destroy", *app, "--force")
    assert done.returncode == 0, done.stderr[-2000:]
    # What holds data outlives a stack, whoever deletes it.
    assert names.data_bucket(platform) in accounts.left_anywhere()
    accounts.run("destroy", *WORKLOADS, "--confirm", "isthmus")
    assert accounts.left_anywhere() == set()
