"""`isthmus assume`: the way into AWS, against an AWS that verifies signatures and trust policies."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus import names, sessions
from isthmus.azure import identity
from isthmus.azure.targets import OF_ACCOUNT
from isthmus.config import Platform
from tests.cdk.conftest import FULL
from tests.local.conftest import ENTRA, ISSUER, Aws

CHECKOUT = Path(__file__).parents[2]
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
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    created: str = made["Role"]["Arn"]
    return created


def assume(
    aws: Aws,
    token: str | None,
    *command: str,
    target: str = "build",
    model: str | None = "seattle-rain",
    url: str = "",
) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "AZURE_"))}
    env |= {"AWS_ENDPOINT_URL": url or aws.url, "BUILD_BUILDID": "7", "AWS_PROFILE": "nobody"}
    env |= {"idToken": token} if token is not None else {}
    whose = ["--model", model] if model else []
    return subprocess.run(
        [sys.executable, "-m", "isthmus", "assume", target, *whose, "--", *command],
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


@pytest.mark.parametrize(
    ("says", "subject", "hint"),
    [
        (ISSUER, "sc://contoso/weather/isthmus-seattle-rain-deploy-prod", "stack is deployed"),
        (ENTRA, "/eid1/c/pub/t/PgqcUQ/a/Dl9f/sc/5f0e7a52/9c2d", "stack is deployed"),
        (ENTRA, "/eid1/c/pub/t/PgqcUQ/a/Dl9f/sc/5f0e7a52/4b1e", "9c2d' is expected"),
        (ENTRA, "/eid1/c/pub/t/PgqcUQ/a/Dl9f/sc/5f0e7a52/4b1e", "isthmus-seattle-rain-deploy-prod"),
        ("https://elsewhere.example", "sc://contoso/weather/isthmus-seattle-rain-deploy-prod", ISSUER),
    ],
)
def test_a_token_is_held_against_what_is_expected_of_its_issuer(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, says: str, subject: str, hint: str
) -> None:
    monkeypatch.setenv("ISTHMUS_PLATFORM", str(FULL))
    token = aws.azure.token(subject, AUDIENCE, iss=says)
    done = assume(aws, token, "true", target="deploy-prod")
    assert (done.returncode, hint in done.stderr) == (4, True), done.stderr


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


class Impostor(BaseHTTPRequestHandler):
    """An STS that hands out good credentials, of another role than the one that was asked for."""

    arn = ""
    asked: ClassVar[list[str]] = []
    requests: ClassVar[list[dict[str, list[str]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.requests.append(parse_qs(body))
        action = parse_qs(body)["Action"][0]
        self.asked.append(action)
        given = (
            "<Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            "<SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>"
        )
        inner = given if action == "AssumeRoleWithWebIdentity" else f"<Arn>{self.arn}</Arn>"
        answer = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<{action}Result>{inner}</{action}Result></{action}Response>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::222233334444:assumed-role/isthmus-other-build/azure-run-7",
        "arn:aws:sts::999999999999:assumed-role/isthmus-seattle-rain-build/azure-run-7",
        "arn:aws:sts::222233334444:assumed-role/isthmus-seattle-rain-build-2/azure-run-7",
    ],
)
def test_credentials_of_another_role_are_not_used(aws: Aws, platform: Platform, arn: str) -> None:
    """Whatever handed them out, and whyever: the step asserts who it became before it runs anything."""
    Impostor.arn, Impostor.asked[:] = arn, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = assume(aws, aws.azure.token(SUBJECT, AUDIENCE), "echo", "it ran", url=url)
        server.shutdown()
    assert Impostor.asked == ["AssumeRoleWithWebIdentity", "GetCallerIdentity"]
    assert (done.returncode, done.stdout) == (4, "")
    assert arn in done.stderr and "they are not used" in done.stderr


def test_no_job_that_enters_aws_runs_longer_than_its_role_may_be_held(
    aws: Aws, role: str, platform: Platform
) -> None:
    """What takes hours is waited for without an agent, and so without a role."""
    stages = yaml.safe_load((CHECKOUT / "azure-pipelines/model-build.yml").read_text())["stages"]
    jobs = [job for stage in stages for job in stage.get("jobs", [])]
    longest = max(int(job.get("timeoutInMinutes", 60)) for job in jobs if job["pool"] != "server") * 60
    assert longest <= identity.target(platform, "build", "seattle-rain").seconds == sessions.HOUR
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        entered(aws, role, sessions.HOUR + 1)


@pytest.mark.parametrize("target", ["build", "synth"])
def test_a_job_asks_for_as_long_as_it_may_run(aws: Aws, target: str) -> None:
    Impostor.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assume(aws, aws.azure.token(SUBJECT, AUDIENCE), "true", target=target, url=url)
        server.shutdown()
    assert Impostor.requests[0]["DurationSeconds"] == [str(sessions.HOUR)]


def entered(aws: Aws, role: str, seconds: int) -> dict[str, Any]:
    """What STS gives for a session of that length."""
    answer = aws.client("sts", "222233334444").assume_role_with_web_identity(
        RoleArn=role,
        RoleSessionName="run-7",
        WebIdentityToken=aws.azure.token(SUBJECT, AUDIENCE),
        DurationSeconds=seconds,
    )
    given: dict[str, Any] = answer["Credentials"]
    return given


def test_each_account_has_a_role_and_a_connection_for_each_purpose(platform: Platform) -> None:
    found = {name: identity.target(platform, name) for name in OF_ACCOUNT if "management" not in name}
    assert {(one.account, one.role, one.connection) for one in found.values()} == {
        (number, f"isthmus-{kind}", f"isthmus-{kind}-{account}")
        for account, number in platform.accounts
        if number
        for kind in ("infrastructure", "drift")
    }


def test_a_role_of_a_model_needs_one_and_a_role_of_an_account_takes_none(
    aws: Aws, platform: Platform
) -> None:
    done = assume(aws, "a.b.c", "true", model=None)
    assert (done.returncode, "--model NAME" in done.stderr) == (2, True)
    done = assume(aws, "a.b.c", "true", target="infrastructure-prod")
    assert (done.returncode, "leave out --model" in done.stderr) == (2, True)
    done = assume(aws, "a.b.c", "true", target="drift-management", model=None)
    assert (done.returncode, "there is no management account" in done.stderr) == (2, True)
