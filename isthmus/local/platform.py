"""The two stand-ins as one local platform: started together, found by other terminals, stopped together.

State is one folder. Its lock belongs to the process that runs the platform, so a second one is refused and
a killed one leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from isthmus import names
from isthmus.config import STAGES, Platform, read
from isthmus.errors import Refused, Unavailable
from isthmus.local import lifeline

READY_TIMEOUT = 60.0
# What takes long to make and depends on content alone; shared by all local platforms of a checkout.
CACHE = Path(".isthmus") / "cache"
# The people of the laptop: a data scientist, who may not approve her own release, and a release approver.
USERS = (
    {"name": "admin", "display_name": "Ari Admin", "groups": ["administrators"]},
    {"name": "dana", "display_name": "Dana Scientist", "groups": []},
    {"name": "robin", "display_name": "Robin Release", "groups": ["release-approvers"]},
)


@dataclass(frozen=True)
class Local:
    """A running local platform: where it answers, and as whom one signs in."""

    state: Path
    pid: int
    aws_url: str
    azure_url: str
    organization: str
    cache: Path
    platform_file: Path

    def platform(self) -> Platform:
        """The platform as its file says now; raises `BadInput` where it says nonsense."""
        return read(self.platform_file, Platform)

    @property
    def organization_url(self) -> str:
        return f"{self.azure_url}/{self.organization}"

    @property
    def authority(self) -> str:
        return f"{self.azure_url}/entra"

    def endpoints(self, region: str) -> dict[str, str]:
        """Only where the clouds are: what a pipeline's step is given, which must come in by OIDC."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AZURE_DEVOPS_URL": self.organization_url,
            "AZURE_AUTHORITY_HOST": self.authority,
        }

    def token(self, user: str) -> str:
        """The token with which `user` signs in to the Azure DevOps stand-in."""
        tokens: dict[str, str] = json.loads((self.state / "azure" / "tokens.json").read_text())
        return tokens[user]


@contextlib.contextmanager
def running(platform_file: Path, state: Path, *, aws_port: int = 0, azure_port: int = 0) -> Iterator[Local]:
    """Run the platform of `platform_file` in `state` until the block ends.

    Raises `Refused` when another process runs it, `Unavailable` when a port is taken or a stand-in fails
    to start (with the end of its log).
    """
    platform = read(platform_file, Platform)
    state.mkdir(parents=True, exist_ok=True)
    with _locked(state):
        aws_port, azure_port = _free_port(aws_port), _free_port(azure_port)
        organization = platform.azure.organization
        local = Local(
            state.resolve(),
            os.getpid(),
            f"http://127.0.0.1:{aws_port}",
            f"http://127.0.0.1:{azure_port}",
            organization,
            CACHE.resolve(),
            platform_file.absolute(),
        )
        with contextlib.ExitStack() as stack:
            starting = [
                _start(stack, state / "aws", "isthmus.local.aws", aws_port, _aws_config(platform, local)),
                _start(
                    stack,
                    state / "azure",
                    "isthmus.local.azure_devops",
                    azure_port,
                    _azure_config(platform, local),
                ),
            ]
            for wait in starting:
                wait()
            record = state / "running.json"
            record.write_text(json.dumps(asdict(local), default=str))
            stack.callback(record.unlink, missing_ok=True)
            yield local


def find(state: Path) -> Local | None:
    """The local platform that runs in `state`, if one does."""
    try:
        found = json.loads((state / "running.json").read_text())
        paths = {name: Path(found[name]) for name in ("state", "cache", "platform_file")}
        local = Local(**found | paths)
    except (OSError, ValueError, LookupError, TypeError):
        # None runs here; or what one wrote was cut off, or is of another version of Isthmus.
        return None
    return None if _lockable(state) else local


def _aws_config(platform: Platform, local: Local) -> dict[str, object]:
    return {
        "accounts": platform.accounts.model_dump(exclude_none=True),
        "region": platform.region,
        "platform": platform.name,
        "organization": platform.organization.parent if platform.organization else None,
        "issuers": {
            platform.azure.token_issuer: f"{local.azure_url}/entra/jwks",
            platform.azure.entra_issuer: f"{local.authority}/{platform.azure.tenant_id}/discovery/v2.0/keys",
        },
        "environment": local.endpoints(platform.region),
    }


def _azure_config(platform: Platform, local: Local) -> dict[str, object]:
    azure, api = platform.azure, platform.api
    return {
        "organization": local.organization,
        "organization_id": platform.azure.organization_id,
        "tenant_id": platform.azure.tenant_id,
        "issuer": platform.azure.token_issuer,
        "aws_url": local.aws_url,
        "aws_jwks_url": f"{local.aws_url}/_isthmus/jwks",
        "entra_issuer": azure.entra_issuer,
        "applications": _applications(platform, local),
        "application_names": {azure.bridge_client_id: names.bridge(platform)},
        "apis": {api.audience: {azure.connection_client: [api.role]}} if api else {},
        "environment": local.endpoints(platform.region) | {"ISTHMUS_CACHE": str(local.cache)},
        "users": list(USERS),
    }


def _applications(platform: Platform, local: Local) -> dict[str, list[dict[str, str]]]:
    """Entra's applications by client id, and whose tokens each signs in by: the bridge, and deploy jobs."""
    azure = platform.azure
    bridge = names.role_arn(platform.accounts.automation, names.bridge(platform))
    found = {azure.bridge_client_id: [{"subject": bridge, "issuer": local.aws_url}]}
    found.setdefault(azure.connection_client, []).extend(
        {
            "subject": names.connection_subject(
                platform, names.deploy_connection(platform, model.name, stage)
            ),
            "issuer": azure.token_issuer,
        }
        for model in platform.models
        for stage in STAGES
    )
    return {client: [one | {"audience": azure.audience} for one in each] for client, each in found.items()}


def _start(
    stack: contextlib.ExitStack, state: Path, module: str, port: int, config: Mapping[str, object]
) -> _Wait:
    state.mkdir(exist_ok=True)
    (state / "config.json").write_text(json.dumps(config, indent=1))
    log = stack.enter_context((state / "server.log").open("ab"))
    argv = [sys.executable, "-m", module, "--port", str(port), "--state", str(state)]
    process = lifeline.spawn(
        [*argv, "--config", str(state / "config.json")],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=log,
    )
    stack.callback(lifeline.stop, process)
    return _Wait(process, module, state / "server.log")


def _environment() -> dict[str, str]:
    """This process's environment without anything that belongs to a cloud."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_"))}


@dataclass(frozen=True)
class _Wait:
    process: subprocess.Popen[bytes]
    module: str
    log: Path

    def __call__(self) -> None:
        """Wait for the stand-in's `ready` line."""
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_drain, args=(self.process, lines), daemon=True).start()
        with contextlib.suppress(queue.Empty):
            while line := lines.get(timeout=READY_TIMEOUT):
                if line.startswith(b"ready "):
                    return
        raise Unavailable(f"{self.module} did not start", where=str(self.log), todo=_tail(self.log))


def _drain(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(b"")


def _tail(log: Path) -> str:
    return "the end of its log:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:])


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    with (state / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                "a local platform is already running here",
                where=str(state),
                todo="use it (`isthmus env`), or stop it with Ctrl-C in its terminal",
            ) from None
        yield


def _lockable(state: Path) -> bool:
    with (state / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise Unavailable(
                f"port {port} cannot be used: {error}", todo="name another, or none to have a free one found"
            ) from None
        number: int = probe.getsockname()[1]
        return number
