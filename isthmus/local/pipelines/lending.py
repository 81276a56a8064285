"""The identities that `isthmus run` lends to jobs: service connections of the local Azure DevOps.

Only where the environment says that it is meant (`isthmus env`), and only to the pipeline that may use them.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from functools import cached_property

from isthmus import names
from isthmus.azure import runs
from isthmus.azure.client import Client, connect
from isthmus.config import Platform, read_platform
from isthmus.errors import NotFound, Refused, did_you_mean
from isthmus.local import here
from isthmus.local.azure_devops.keys import Key
from isthmus.local.azure_devops.oidc import AUDIENCE, CONNECTION_SECONDS
from isthmus.local.pipelines import tasks
from isthmus.local.pipelines.host import Connection
from isthmus.local.pipelines.nodes import Place
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.selection import all_steps
from isthmus.local.platform import Local

DO = 'start `isthmus up` in another terminal, and here: eval "$(isthmus env)"; or run it there: '


@dataclass(frozen=True)
class Lender:
    """Lends to one pipeline what the local organization lets it use."""

    local: Local
    pipeline: str

    @cached_property
    def _platform(self) -> Platform:
        return read_platform()

    @cached_property
    def _client(self) -> Client:
        return connect(self._platform)

    def connection(self, name: str) -> Connection:
        """Raises `NotFound` with the nearest name, and `Refused` where the pipeline may not use it."""
        every = {one["name"]: one for one in self._client.get("serviceendpoint/endpoints")["value"]}
        if name not in every:
            raise NotFound(
                f"the local Azure DevOps has no service connection {name!r}{did_you_mean(name, every)}",
                todo="run the pipeline by the file that its repository has; --name says what it is called",
            )
        found = every[name]
        self._require_use(found["id"], name)
        given = {key.lower(): text for key, text in found["authorization"]["parameters"].items()}
        who = given.get("serviceprincipalid", ""), given.get("tenantid", "")
        return Connection(found["id"], name, *who, url=found["url"])

    def token(self, connection: Connection) -> str:
        """A token of the connection, as the local Azure DevOps signs one for a job."""
        moment = int(time.time())
        return Key(self.local.state / "azure" / "issuer.pem").sign(
            {
                "jti": str(uuid.uuid4()),
                "sub": names.connection_subject(self._platform, connection.name),
                "aud": AUDIENCE,
                "iss": self._platform.azure.token_issuer,
                "nbf": moment,
                "iat": moment,
                "exp": moment + CONNECTION_SECONDS,
            }
        )

    def _require_use(self, key: str, name: str) -> None:
        found = self._client.get(f"pipelines/pipelinepermissions/endpoint/{key}", version="7.1-preview.1")
        if (found.get("allPipelines") or {}).get("authorized"):
            return
        admitted = [one["id"] for one in found.get("pipelines", []) if one["authorized"]]
        if runs.pipeline_id(self._client, self.pipeline) not in admitted:
            raise Refused(f"the pipeline {self.pipeline!r} may not use the service connection {name!r}")


def lender(pipeline: str) -> Lender | None:
    """Who lends here; None where no local platform runs, or the environment does not mean it."""
    try:
        local = here.running()
    except NotFound:
        return None
    return Lender(local, pipeline) if os.environ.get("AZURE_DEVOPS_URL") == local.organization_url else None


def require(plan: Plan, lent_by: Lender | None, pipeline: str) -> None:
    """Raise, before anything runs, for the first service connection that a job could not be lent."""
    for name, at in _used(plan).items():
        if lent_by is None:
            raise Refused(
                f"the pipeline uses the service connection {name!r}, and nobody lends it here",
                where=str(at),
                todo=f"{DO}isthmus azure run {pipeline}",
            )
        lent_by.connection(name)


def _used(plan: Plan) -> dict[str, Place]:
    """The connections of the plan's steps; one that is named by a variable is known only when it runs."""
    steps = [step for step in all_steps(plan) if step.enabled != "false"]
    return {name: step.at for step in steps for name in tasks.connections(step) if "$(" not in name}
