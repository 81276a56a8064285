"""`isthmus assume`: the way into AWS, against an AWS that verifies signatures and trust policies."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time

import pytest

from isthmus import names
from isthmus.config import Platform
from tests.local.conftest import ISSUER, Aws

AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "sc://contoso/weather/isthmus-seattle-rain-build"
WHO = "import boto3, os; print(boto3.client('sts').get_caller_identity()['Arn'], 'idToken' in os.environ)"


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    """The build role, which trusts the build connection only."""
    account = "222233334444"
    iam = aws.client("iam", account)
    arn = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    host = ISSUER.removeprefix("https://")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": arn},
                "Condition": {"StringEquals": {f"{host}:sub": SUBJECT, f"{host}:aud": AUDIENCE}},
            }
        ],
    }
    name = "isthmus-seattle-rain-build"
    created: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    return created


def assume(
    aws: Aws, token: str | None, *command: str, target: str = "build"
) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "AZURE_"))}
    env |= {"AWS_ENDPOINT_URL": aws.url, "BUILD_BUILDID": "7", "AWS_PROFILE": "nobody"}
    env |= {"idToken": token} if token is not None else {}
    return subprocess.run(
        [sys.executable, "-m", "isthmus", "assume", target, "--model", "seattle-rain", "--", *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_runs_as_the_role_and_without_the_token(aws: Aws, role: str, platform: Platform) -> None:
    assert names.connection_subject(platform, names.build_connection(platform, "seattle-rain")) == SUBJECT
    done = assume(aws, aws.azure.token(SUBJECT, AUDIENCE), sys.executable, "-c", WHO)
    assert done.returncode == 0, done.stderr
    arn, has_token = done.stdout.split()
    assert arn == "arn:aws:sts::222233334444:assumed-role/isthmus-seattle-rain-build/azure-run-7"
    assert has_token == "False"


def test_the_commands_exit_code_is_ours(aws: Aws, role: str, platform: Platform) -> None:
    token = aws.azure.token(SUBJECT, AUDIENCE)
    assert assume(aws, token, sys.executable, "-c", "raise SystemExit(42)").returncode == 42
    missing = assume(aws, token, "no-such-command")
    assert (missing.returncode, "no command 'no-such-command'" in missing.stderr) == (3, True)


def test_a_foreign_token_is_explained_and_not_shown(aws: Aws, role: str, platform: Platform) -> None:
    foreign = "sc://contoso/weather/isthmus-other-build"
    token = aws.azure.token(foreign, AUDIENCE)
    done = assume(aws, token, "true")
    assert done.returncode == 4
    for part in (
        "arn:aws:iam::222233334444:role/isthmus-seattle-rain-build",
        foreign,
        SUBJECT,
        "AccessDenied",
    ):
        assert part in done.stderr
    assert token not in done.stderr
    assert token.split(".")[2] not in done.stderr


def test_a_forged_token_is_refused(aws: Aws, role: str, platform: Platform) -> None:
    done = assume(aws, aws.azure.forged(SUBJECT, AUDIENCE), "true")
    assert (done.returncode, "InvalidIdentityToken" in done.stderr) == (4, True)


def test_no_token_an_old_one_and_nonsense(aws: Aws, role: str, platform: Platform) -> None:
    done = assume(aws, None, "true")
    assert (done.returncode, "addSpnToEnvironment" in done.stderr) == (4, True)
    old = aws.azure.token(SUBJECT, AUDIENCE, exp=int(time.time()) - 60)
    assert "expired" in assume(aws, old, "true").stderr
    for nonsense in ("nonsense", "a.b.c", "a." + base64.urlsafe_b64encode(b"[]").decode() + ".c"):
        done = assume(aws, nonsense, "true")
        assert (done.returncode, "is not a token" in done.stderr) == (4, True)


def test_another_role_is_not_opened(aws: Aws, role: str, platform: Platform) -> None:
    done = assume(aws, aws.azure.token(SUBJECT, AUDIENCE), "true", target="synth")
    assert done.returncode == 4
    assert "isthmus-seattle-rain-synth" in done.stderr
