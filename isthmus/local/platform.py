"""The two stand-ins as one local platform: started together, found by other terminals, stopped together.

State is one folder. Its lock belongs to the process that runs the platform, so a second one is refused and
a killed one leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import NoReturn

from isthmus import files, lifeline, names
from isthmus.config import STAGES, Platform, read
from isthmus.errors import BadInput, Refused, Unavailable, did_you_mean
from isthmus.local import lock, people, ports, stand_in
from isthmus.local.aws.accounts import Root
from isthmus.local.stand_in import StandIn

LOCK, RECORD = "lock", "running.json"
WATCH_SECONDS = 0.5
# What takes long to make and depends on content alone; shared by all local platforms of a checkout.
CACHE = Path(".isthmus") / "cache"


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

    @property
    def root(self) -> Root:
        """The root of this AWS's accounts; its secret is new at each start."""
        config = self.state / "aws" / "config.json"
        try:
            return Root(self.aws_url, json.loads(config.read_bytes())["root_secret"])
        except (OSError, ValueError, LookupError) as error:
            raise files.damaged(config, error) from None

    def token(self, user: str) -> str:
        """The token with which `user` signs in to the Azure DevOps stand-in.

        Raises `BadInput` with the names where nobody is called so.
        """
        file = self.state / "azure" / "tokens.json"
        try:
            tokens: dict[str, str] = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise files.damaged(file, error) from None
        if user not in tokens:
            near = did_you_mean(user, tokens)
            raise BadInput(f"there is no user {user!r}{near}", todo=f"users: {', '.join(sorted(tokens))}")
        return tokens[user]


@dataclass(frozen=True)
class Running(Local):
    """The platform as the process that runs it has it."""

    stand_ins: tuple[StandIn, ...] = ()

    def require_alive(self) -> None:
        """Raises `Unavailable` for a stand-in that died, with the end of its log."""
        for one in self.stand_ins:
            if death := one.death():
                raise death

    def wait(self) -> NoReturn:
        """Wait for ever; raises `Unavailable` when a stand-in dies."""
        while True:
            self.require_alive()
            time.sleep(WATCH_SECONDS)


@contextlib.contextmanager
def running(platform_file: Path, state: Path, *, aws_port: int = 0, azure_port: int = 0) -> Iterator[Running]:
    """Run the platform of `platform_file` in `state` until the block ends.

    Raises `Refused` when another process runs it or the state is another platform's, `Unavailable` when a
    port is taken, or a stand-in fails to start or dies meanwhile (with the end of its log).
    """
    platform = read(platform_file, Platform)
    already = Refused(
        "a local platform is already running here",
        where=str(state),
        todo="use it (`isthmus env`), or stop it with Ctrl-C in its terminal",
    )
    with lock.held(state / LOCK, already), contextlib.ExitStack() as stack:
        _require_its_own(state, platform.name, platform_file)
        aws, azure = map(stack.enter_context, ports.choose(state, aws_port, azure_port))
        local = Local(
            state.resolve(),
            os.getpid(),
            f"http://127.0.0.1:{ports.number(aws)}",
            f"http://127.0.0.1:{ports.number(azure)}",
            platform.azure.organization,
            CACHE.resolve(),
            platform_file.absolute(),
        )
        clouds = (
            ("the local AWS", "aws", aws, _aws_config(platform, local)),
            ("the local Azure DevOps", "azure_devops", azure, _azure_config(platform, local)),
        )
        stand_ins = [_start(stack, state, *cloud) for cloud in clouds]
        for one in stand_ins:
            one.wait_until_ready()
        record = state / RECORD
        files.write(record, json.dumps(asdict(local), default=str).encode())
        stack.callback(record.unlink, missing_ok=True)
        here = Running(**vars(local), stand_ins=tuple(stand_ins))
        try:
            yield here
        except Exception:
            # What a dead stand-in broke in this process says less than its own end.
            here.require_alive()
            raise


def _require_its_own(state: Path, name: str, platform_file: Path) -> None:
    """The clouds of a folder are one platform's, from the first start on: names in them would be taken."""
    config = state / "aws" / "config.json"
    if not config.exists():
        return
    try:
        before = str(json.loads(config.read_bytes())["platform"])
    except (OSError, ValueError, LookupError) as error:
        raise files.damaged(config, error) from None
    if before != name:
        raise Refused(
            f"the clouds in {state} are those of the platform {before!r}, and {platform_file} is of {name!r}",
            where=f"{platform_file}, name",
            todo=f"start it in a folder of its own; or begin anew here: rm -r {state}",
        )


def _start(
    stack: contextlib.ExitStack,
    state: Path,
    name: str,
    module: str,
    bound: socket.socket,
    config: dict[str, object],
) -> StandIn:
    folder = state / module.partition("_")[0]
    started = stand_in.start(name, f"isthmus.local.{module}", folder, bound, config)
    stack.callback(lifeline.stop, started.process)
    return started


def find(state: Path) -> Local | None:
    """The local platform that runs in `state`, if one does; raises `Unavailable` where it cannot be told."""
    record = state / RECORD
    if not lock.is_held(state / LOCK) or not record.exists():
        return None
    try:
        found = json.loads(record.read_bytes())
        paths = {name: Path(found[name]) for name in ("state", "cache", "platform_file")}
        return Local(**found | paths)
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable(
            f"{record.name} is damaged, or another version of Isthmus wrote it: {error}",
            where=str(record),
            todo="stop `isthmus up` and start it again",
        ) from None


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
        "root_secret": secrets.token_urlsafe(32),
    }


def _azure_config(platform: Platform, local: Local) -> dict[str, object]:
    azure, api = platform.azure, platform.api
    clients = dict.fromkeys(platform.client_of(model.name) for model in platform.models)
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
        "apis": {api.audience: {client: [api.role] for client in clients}} if api else {},
        "environment": local.endpoints(platform.region) | {"ISTHMUS_CACHE": str(local.cache)},
        "users": [asdict(one) for one in people.of(platform)],
    }


def _applications(platform: Platform, local: Local) -> dict[str, list[dict[str, str]]]:
    """Entra's applications by client id, and whose tokens each signs in by: the bridge, and deploy jobs."""
    azure = platform.azure
    bridge = names.role_arn(platform.accounts.automation, names.bridge(platform))
    found = {azure.bridge_client_id: [{"subject": bridge, "issuer": local.aws_url}]}
    for model, stage in product(platform.models, STAGES):
        subject = names.connection_subject(platform, names.deploy_connection(platform, model.name, stage))
        signed = {"subject": subject, "issuer": azure.token_issuer}
        found.setdefault(platform.client_of(model.name), []).append(signed)
    return {client: [one | {"audience": azure.audience} for one in each] for client, each in found.items()}
