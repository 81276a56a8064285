"""A local AWS for tests, started once, with a stand-in for the issuer of Azure DevOps' tokens."""

from __future__ import annotations

import functools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from isthmus import lifeline
from isthmus.local.aws.accounts import Root

REGION = "eu-west-1"
ROOT_SECRET = "test"
ACCOUNTS = {
    "dev": "111122223333",
    "automation": "222233334444",
    "staging": "333344445555",
    "prod": "444455556666",
}
AUTOMATION, STAGING, PROD = ACCOUNTS["automation"], ACCOUNTS["staging"], ACCOUNTS["prod"]
ISSUER = "https://vstoken.dev.azure.com/5f0e7a52-6a1b-4c7e-9d3a-2f1f6d6f6c11"
ENTRA = "https://login.microsoftonline.com/9b1c0a3e-0c4f-4a86-8f57-6f4e6f0c8d22/v2.0"


SERVE = """#!{python} -S
import http.server, os, sys
root = os.environ.get("ISTHMUS_OPT_ML", "/opt/ml")
name = open(f"{{root}}/model/name").read()
if name == "broken":
    sys.exit("cannot load the model")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.do_POST()
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name.encode())
    def log_message(self, *_):
        pass
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@functools.cache
def _session() -> boto3.Session:
    """One for all: it reads each service's model once."""
    return boto3.Session()


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """Signs tokens as Azure DevOps does, and publishes its key."""

    key: rsa.RSAPrivateKey = field(default_factory=_key)

    def jwks(self) -> bytes:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [jwk | {"kid": "test", "use": "sig"}]}).encode()

    def token(self, subject: str, audience: str, **claims: object) -> str:
        return self._signed(self.key, subject, audience, claims)

    def forged(self, subject: str, audience: str) -> str:
        return self._signed(_key(), subject, audience, {})

    def _signed(self, key: rsa.RSAPrivateKey, subject: str, audience: str, claims: dict) -> str:
        usual = {
            "iss": ISSUER,
            "sub": subject,
            "aud": audience,
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
        }
        return jwt.encode(usual | claims, key, "RS256", headers={"kid": "test"})


@dataclass(frozen=True)
class Aws:
    """A running local AWS. `client` acts as an account's root unless other credentials are given."""

    url: str
    region: str
    azure: Issuer

    _roots: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, account: str, credentials: dict[str, str] | None = None) -> Any:
        """A client of `service`; a root's is kept, others close their connections when they are let go."""
        if credentials:
            return self._client(
                service, *(credentials.get(one) for one in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
            )
        if (service, account) not in self._roots:
            self._roots[service, account] = self._client(service, account, ROOT_SECRET)
        return self._roots[service, account]

    def _client(self, service: str, key: str | None, secret: str | None, token: str | None = None) -> Any:
        return _session().client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    @property
    def root(self) -> Root:
        return Root(self.url, ROOT_SECRET)

    def acting_as(self, role: str, account: str) -> dict[str, str]:
        """Credentials of a role that trusts its account."""
        arn = f"arn:aws:iam::{account}:role/{role}"
        sts = self.client("sts", account)
        return sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]


@pytest.fixture(scope="session")
def issuer() -> Iterator[tuple[Issuer, str]]:
    one = Issuer()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(one.jwks())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield one, f"http://127.0.0.1:{server.server_port}/jwks"
    server.shutdown()


def start_aws(
    state: Path,
    jwks: str,
    port: int,
    environment: dict[str, str] | None = None,
    issuers: dict[str, str] | None = None,
    **more: Any,
) -> subprocess.Popen[bytes]:
    """Start a local AWS in `state` and wait until it answers; what it runs gets `environment`.

    It believes Azure DevOps' tokens, and those of `issuers` (issuer → JWKS URL); `more` is said in its
    configuration too.

    Stop it with `lifeline.stop`.
    """
    state.mkdir(parents=True, exist_ok=True)
    config = {
        "accounts": ACCOUNTS,
        "region": REGION,
        "platform": "isthmus",
        "root_secret": ROOT_SECRET,
        "issuers": {ISSUER: jwks, ENTRA: jwks} | (issuers or {}),
        "environment": {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": REGION}
        | (environment or {}),
        **more,
    }
    (state / "config.json").write_text(json.dumps(config))
    argv = [sys.executable, "-m", "isthmus.local.aws", "--port", str(port), "--state", str(state)]
    with (state / "server.log").open("ab") as log:
        process = lifeline.spawn(
            [*argv, "--config", str(state / "config.json")], stdout=subprocess.PIPE, stderr=log
        )
    line = process.stdout.readline()
    assert line.startswith(b"ready "), (state / "server.log").read_text()
    return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which a container's `serve` is one that starts at once."""
    folder = tmp_path_factory.mktemp("bin")
    serve = folder / "serve"
    serve.write_text(SERVE.format(python=sys.executable))
    serve.chmod(0o755)
    return f"{folder}:{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str], programs: str) -> Iterator[Aws]:
    """A local AWS for all tests of a session: name what you make in it after your test."""
    one, jwks = issuer
    port = free_port()
    process = start_aws(tmp_path_factory.mktemp("aws"), jwks, port, {"PATH": programs})
    yield Aws(f"http://127.0.0.1:{port}", REGION, one)
    lifeline.stop(process)
