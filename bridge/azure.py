"""Azure DevOps as the bridge uses it: sign in without a stored secret, find a run, queue a run.

AWS signs who this Lambda is (`sts:GetWebIdentityToken`), Entra exchanges that for a token of the federated
application, and Azure DevOps takes the token. All of it is kept for as long as it is valid.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import urllib3

from bridge.decisions import Run
from bridge.settings import Settings

# The resource id of Azure DevOps in every tenant.
SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
API = "7.1"
# Runs are looked through this far back for a key; a model is not approved more often within 30 days.
LOOK_BACK = 200


class Retryable(Exception):
    """Azure DevOps or Entra cannot answer now: the message goes back to the queue."""


class Denied(Exception):
    """The bridge may not do this: retrying does not help, a person must."""


@dataclass
class Token:
    value: str = ""
    expires: float = 0.0


@cache
def pool() -> urllib3.PoolManager:
    """Connections, kept between invocations. Nothing is retried here: a POST must not be sent twice."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=10), retries=False)


_token = Token()


@dataclass
class AzureDevOps:
    told: Settings
    _pipelines: dict[str, int] = field(default_factory=dict)

    def find_run(self, run: Run) -> str | None:
        """The id of the newest run of the pipeline that carries the key, or None."""
        wanted = {run.key, *run.also}
        for build in self._builds(run.pipeline):
            if _parameters(build).get(run.key_parameter) in wanted:
                return str(build["id"])
        return None

    def find_version(self, pipeline: str, arn: str) -> bool:
        """Whether any run of the pipeline was ever queued for this model package."""
        return any(_parameters(build).get("modelPackageArn") == arn for build in self._builds(pipeline))

    def _builds(self, pipeline: str) -> list[dict[str, Any]]:
        query = urlencode(
            {
                "definitions": self._pipeline(pipeline),
                "queryOrder": "queueTimeDescending",
                "$top": LOOK_BACK,
                "api-version": API,
            }
        )
        found: list[dict[str, Any]] = self._call("GET", f"build/builds?{query}")["value"]
        return found

    def queue_run(self, run: Run) -> str:
        """Queue one run of the pipeline with the decision's parameters, and return its id."""
        body = {
            "resources": {"repositories": {"self": {"refName": "refs/heads/main"}}},
            "templateParameters": run.parameters,
        }
        answer = self._call("POST", f"pipelines/{self._pipeline(run.pipeline)}/runs?api-version={API}", body)
        return str(answer["id"])

    def _pipeline(self, name: str) -> int:
        if name not in self._pipelines:
            listed = self._call("GET", f"pipelines?{urlencode({'api-version': API, '$top': 10000})}")["value"]
            self._pipelines = {one["name"]: one["id"] for one in listed}
        if name not in self._pipelines:
            raise Denied(
                f"there is no pipeline {name}, or the bridge may not see it: run `isthmus azure apply`"
            )
        return self._pipelines[name]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self.told.organization_url}/{quote(self.told.project)}/_apis/{path}"
        headers = {"authorization": f"Bearer {access_token(self.told)}", "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        return _answer(method, url, headers, json.dumps(body).encode() if body is not None else None)


def access_token(told: Settings) -> str:
    """A token for Azure DevOps, a new one where the last is about to expire."""
    if time.time() > _token.expires - 60:
        answer = _exchange(told, _assertion(told))
        _token.value, _token.expires = answer["access_token"], time.time() + float(answer["expires_in"])
    return _token.value


def _assertion(told: Settings) -> str:
    answer = boto3.client("sts").get_web_identity_token(
        Audience=[told.audience], SigningAlgorithm="RS256", DurationSeconds=300
    )
    return str(answer["WebIdentityToken"])


def _exchange(told: Settings, assertion: str) -> dict[str, Any]:
    form = {
        "client_id": told.client_id,
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "grant_type": "client_credentials",
        "scope": SCOPE,
    }
    url = f"{told.authority}/{told.tenant}/oauth2/v2.0/token"
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return _answer("POST", url, headers, urlencode(form).encode())


def _answer(method: str, url: str, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
    """The JSON of a 2xx answer. Raises `Denied` or `Retryable` without a word of the credentials in it."""
    try:
        response = pool().request(method, url, headers=headers, body=body, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise Retryable(f"{method} {_plain(url)}: {type(error).__name__}") from None
    status, where = response.status, f"{method} {_plain(url)}"
    if status == 429 or status >= 500:
        raise Retryable(f"{where}: {status}, retry after {response.headers.get('retry-after', 'a while')}")
    # Azure DevOps answers a caller that it does not know with a sign-in page.
    if status in (203, 302, 401, 403):
        raise Denied(f"{where}: {status}, not permitted: {_reason(response.data)}")
    if not 200 <= status < 300:
        raise Denied(f"{where}: {status}: {_reason(response.data)}")
    found: dict[str, Any] = json.loads(response.data)
    return found


def _plain(url: str) -> str:
    return url.partition("?")[0]


def _reason(body: bytes) -> str:
    try:
        found = json.loads(body)
        return str(found.get("message") or found.get("error_description") or "")[:300]
    except (ValueError, AttributeError):
        return "no reason given"


def _parameters(build: dict[str, Any]) -> dict[str, str]:
    found = build.get("templateParameters") or {}
    return found if isinstance(found, dict) else {}
