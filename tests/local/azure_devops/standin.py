"""The stand-in as a process for tests, and requests to it that are held against Microsoft's description."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from isthmus import lifeline

ORGANIZATION = "contoso"
PROJECT = "weather"
ISSUER = "https://vstoken.dev.azure.com/5f0e7a52-6a1b-4c7e-9d3a-2f1f6d6f6c11"
TENANT = "9b1c0a3e-0c4f-4a86-8f57-6f4e6f0c8d22"
CLIENT = "1d7f5c1e-2b0a-4f0e-8a55-0c9e3b7a4f33"
ROLE = "arn:aws:iam::222233334444:role/isthmus-bridge"
AUDIENCE = "api://AzureADTokenExchange"
USERS = [
    {"name": "admin", "display_name": "Ari Admin", "groups": ["administrators"]},
    {"name": "dana", "display_name": "Dana Scientist", "groups": []},
    {"name": "robin", "display_name": "Robin Release", "groups": ["release-approvers"]},
]


def config(aws_url: str = "http://127.0.0.1:1", **more: object) -> dict[str, object]:
    application = {"subject": ROLE, "issuer": aws_url, "audience": AUDIENCE}
    return {
        "organization": ORGANIZATION,
        "organization_id": ISSUER.rpartition("/")[2],
        "tenant_id": TENANT,
        "issuer": ISSUER,
        "aws_url": aws_url,
        "aws_jwks_url": f"{aws_url}/_isthmus/jwks",
        "applications": {CLIENT: [application]},
        "environment": {"AWS_ENDPOINT_URL": aws_url},
        "users": USERS,
        **more,
    }


@dataclass(frozen=True)
class StandIn:
    """A running stand-in."""

    url: str
    state: Path
    process: subprocess.Popen[bytes]

    @property
    def organization_url(self) -> str:
        return f"{self.url}/{ORGANIZATION}"

    def token(self, user: str) -> str:
        tokens: dict[str, str] = json.loads((self.state / "tokens.json").read_text())
        return tokens[user]

    def person(self, user: str) -> Person:
        return Person(self.organization_url, self.token(user))

    def kill(self) -> None:
        """End the server, and not only its supervisor, without a chance to say goodbye."""
        (server,) = psutil.Process(self.process.pid).children()
        server.kill()
        self.process.wait()


@dataclass(frozen=True)
class Person:
    """Somebody who asks the stand-in, by a token."""

    organization_url: str
    token: str

    def ask(self, method: str, path: str, body: object = None, /, **query: object) -> requests.Response:
        """A request below the project; a path that begins with `/` is below the organization."""
        scope = "" if path.startswith("/") else f"/{PROJECT}/_apis/"
        bearer = self.token.count(".") == 2
        version = {} if method == "GET" else {"api-version": "7.1-preview"}
        return requests.request(
            method,
            f"{self.organization_url}{scope}{path}",
            params=version | {key: str(value) for key, value in query.items()},
            json=body,
            auth=None if bearer else ("", self.token),
            headers={"Accept": "application/json"}
            | ({"Authorization": f"Bearer {self.token}"} if bearer else {}),
            timeout=60,
        )

    def get(self, path: str, /, **query: object) -> Any:
        return _good(self.ask("GET", path, None, **query))

    def every(self, path: str, /, **query: object) -> list[Any]:
        found = self.get(path, **query)
        assert found["count"] == len(found["value"])
        value: list[Any] = found["value"]
        return value

    def post(self, path: str, body: object) -> Any:
        return _good(self.ask("POST", path, body))

    def patch(self, path: str, body: object) -> Any:
        return _good(self.ask("PATCH", path, body))

    def commit(
        self, repository: str, files: dict[str, str], branch: str = "main", message: str = "Change"
    ) -> str:
        """Push one commit over REST; a new branch starts at main. Returns the commit."""
        refs = {one["name"]: one["objectId"] for one in self.every(f"git/repositories/{repository}/refs")}
        name, nothing = f"refs/heads/{branch}", "0" * 40
        if name not in refs and "refs/heads/main" in refs:
            start = {"name": name, "oldObjectId": nothing, "newObjectId": refs["refs/heads/main"]}
            assert self.post(f"git/repositories/{repository}/refs", [start])["value"][0]["success"]
            refs[name] = refs["refs/heads/main"]
        known = set()
        if name in refs:
            listed = self.every(
                f"git/repositories/{repository}/items",
                recursionLevel="full",
                **{"versionDescriptor.version": branch},
            )
            known = {one["path"].strip("/") for one in listed}
        changes = [
            {
                "changeType": "edit" if path in known else "add",
                "item": {"path": f"/{path}"},
                "newContent": {"content": content, "contentType": "rawText"},
            }
            for path, content in files.items()
        ]
        push = {
            "refUpdates": [{"name": name, "oldObjectId": refs.get(name, nothing)}],
            "commits": [{"comment": message, "changes": changes}],
        }
        made = self.post(f"git/repositories/{repository}/pushes", push)
        tip: str = made["refUpdates"][0]["newObjectId"]
        return tip

    def pipeline(self, name: str, repository: str, path: str = "/azure-pipelines.yml") -> int:
        key = self.get(f"git/repositories/{repository}")["id"]
        configuration = {"type": "yaml", "path": path, "repository": {"id": key, "type": "azureReposGit"}}
        made = self.post("pipelines", {"name": name, "folder": "\\", "configuration": configuration})
        number: int = made["id"]
        return number

    def run(self, pipeline: int, **parameters: str) -> Any:
        body = {"resources": {"repositories": {"self": {"refName": "refs/heads/main"}}}}
        return self.post(f"pipelines/{pipeline}/runs", body | {"templateParameters": parameters})

    def build(self, number: int) -> Any:
        return self.get(f"build/builds/{number}")

    def until_over(self, number: int) -> Any:
        return until(lambda: (found := self.build(number))["status"] == "completed" and found)


def until(ask: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until there is an answer: a run goes on in another process, which says nothing by itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def _good(response: requests.Response) -> Any:
    assert response.ok, f"{response.status_code}: {response.text[:500]}"
    return response.json() if response.content else None


@contextmanager
def running(state: Path, settings: dict[str, object] | None = None) -> Iterator[StandIn]:
    state.mkdir(parents=True, exist_ok=True)
    file = state / "config.json"
    file.write_text(json.dumps(settings or config()))
    module = [sys.executable, "-m", "isthmus.local.azure_devops"]
    process = lifeline.spawn(
        [*module, "--state", str(state), "--config", str(file)], stdout=subprocess.PIPE, stderr=None
    )
    try:
        assert process.stdout
        line = process.stdout.readline().decode()
        assert line.startswith("ready "), line
        yield StandIn(line.split()[1], state, process)
    finally:
        lifeline.stop(process)
