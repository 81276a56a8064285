"""What the local AWS is told: its accounts, where it keeps its state, and whose tokens it believes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.local import ports

# So that a rollout of an hour is seen in seconds.
MINUTE_SECONDS = 0.2


@dataclass(frozen=True)
class Settings:
    """`accounts` maps a role (automation, prod) to an account id, `issuers` an OIDC issuer to its JWKS URL;
    `environment` is what processes of jobs and endpoints are given, `organization` the root or unit under
    which the management account shall find the others, `root_secret` what roots of accounts sign with,
    `listening` the file descriptor of a socket that is bound to `port`. A minute of an endpoint's rollout,
    and of the alarms on its new fleet, lasts `minute` seconds: nothing else here runs by another clock."""

    state: Path
    port: int
    listening: int
    region: str
    platform: str
    accounts: dict[str, str]
    issuers: dict[str, str]
    environment: dict[str, str]
    root_secret: str = field(repr=False)
    organization: str | None = None
    minute: float = MINUTE_SECONDS

    @classmethod
    def read(cls, file: Path, state: Path, listening: socket.socket) -> Settings:
        """The settings in `file`, for a server that takes over the bound socket."""
        found = json.loads(file.read_text())
        return cls(
            state=state,
            port=ports.number(listening),
            listening=listening.detach(),
            region=found["region"],
            platform=found["platform"],
            accounts=found["accounts"],
            issuers=found["issuers"],
            environment=found["environment"],
            root_secret=found["root_secret"],
            organization=found.get("organization"),
            minute=found.get("minute", MINUTE_SECONDS),
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment_of_ministack(self) -> dict[str, str]:
        """ministack's own settings; everything that it writes lies under `state`, which is its owner's."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        scratch = self.state / "scratch"
        # What a killed process left there serves nobody.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        return {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "MINISTACK_ACCOUNT_ID": self.accounts["automation"],
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state / "s3"),
            "TMPDIR": str(scratch),
            "LAMBDA_EXECUTOR": "local",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_SECRET_ACCESS_KEY": self.root_secret,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "DOCKER_HOST": "unix:///nonexistent",
        }
